// How the engine asks BILL: the check of a session in doubt, and the sign-in, from the decision to
// BILL's answer.
#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/session/engine.h"
#include "server/session/later.h"
#include "vault/fingerprint.h"

namespace billbroker {
namespace {

// A session that dies sooner than this after its sign-in did not idle out: something at BILL ends
// it.
constexpr absl::Duration kEarlyDeath = absl::Minutes(1);
constexpr int kToleratedEarlyDeaths = 1;

absl::Duration UntilNextClockHour(absl::Time now) {
  const absl::Duration into_hour = (now - absl::UnixEpoch()) % absl::Hours(1);
  return absl::Hours(1) - into_hour;
}

constexpr int kMaxOvertaken = 3;

SignInGate::Ending EndingOf(const BillResult<SignInAnswer>& result, bool forced) {
  if (result.ok()) return SignInGate::Ending::kAccepted;
  const BillError& error = result.error();
  switch (error.verdict) {
    case Verdict::kSecretRejected:
    case Verdict::kUserLocked:
    case Verdict::kOrganizationLocked:
    case Verdict::kRefused:  // unknown to us: it may be a judgement of the secret
      return SignInGate::Ending::kFailed;
    case Verdict::kDevKeyRejected:
    case Verdict::kOrganizationRejected:
    case Verdict::kUntrusted:
    case Verdict::kMfaFailed:
      // Each is quarantined or backs off after one try, unless somebody forces it.
      return forced ? SignInGate::Ending::kFailed : SignInGate::Ending::kNeutral;
    case Verdict::kUnavailable: {
      const bool lost = error.may_have_arrived && error.http_status == 0;
      const bool by_a_gateway =
          error.http_status == 401 || error.http_status == 403 || error.http_status == 423;
      return lost || by_a_gateway ? SignInGate::Ending::kUnclear : SignInGate::Ending::kNeutral;
    }
    default:
      return SignInGate::Ending::kNeutral;
  }
}

absl::Status RemovedError(const Pair& pair) {
  return MakeError(
      Reason::kUnknownOrganization,
      absl::StrCat("organization \"", pair.organization_id, "\" was taken from credential \"",
                   pair.credential->name, "\" meanwhile; attach it again to use it"));
}

absl::Status RateLimited(const Pair& pair, absl::Duration wait) {
  return MakeError({Reason::kBillRateLimited,
                    wait,
                    {{"organization_id", pair.organization_id}, {"bill_code", "BDC_1144"}}},
                   absl::StrCat("BILL's hourly limit is spent for the devKey of organization \"",
                                pair.organization_id, "\"; sign-ins go on when it is over"));
}

}  // namespace

void Engine::StartCheck(const Key& key, Pair& pair, Later& later) {
  const absl::Duration now = parts_.clock.SinceBoot();
  if (now < pair.not_before) return FailWaiters(key, pair, BackingOff(pair, now), later);
  pair.activity = Pair::Activity::kChecking;
  later.Add([this, key, session = pair.session, now] {
    parts_.bill.GetSessionInfo(session->keys,
                               [this, key, session, now](const BillResult<SessionInfo>& result) {
                                 OnChecked(key, session, now, result);
                               });
  });
}

void Engine::OnChecked(const Key& key, const SessionPtr& session, absl::Duration sent,
                       const BillResult<SessionInfo>& result) {
  Later later;
  MutexLock lock(mutex_);
  Pair& pair = *FindPair(key);  // it stays while a check is under way
  pair.activity = Pair::Activity::kIdle;
  if (pair.removed) return FailWaiters(key, pair, RemovedError(pair), later);
  // Logged out while the check was under way: those who wait asked before that, and get a new one.
  if (pair.session != session) return StartSignIn(key, pair, later);
  if (result.ok() && result.value().organization_id != pair.organization_id) {
    BillError mismatch;
    mismatch.detail = "the answer is about another organization";
    return FailWaiters(key, pair, BackOff(pair, Reason::kBillUnavailable, mismatch, {}), later);
  }
  if (!result.ok()) {
    const BillError& error = result.error();
    switch (error.verdict) {
      case Verdict::kSessionInvalid:
      // Of no use any more either; the sign-in that follows hears the whole of it.
      case Verdict::kDevKeyRejected:
      case Verdict::kOrganizationRejected:
      case Verdict::kOrganizationLocked:
      case Verdict::kUserLocked:
        return OnDead(key, pair, later);
      case Verdict::kRateLimited:
        return FailWaiters(key, pair, Park(pair, *pair.credential, error), later);
      default:
        return FailWaiters(key, pair, BackOff(pair, Reason::kBillUnavailable, error, {}), later);
    }
  }
  auto renewed = std::make_shared<Session>(*session);
  renewed->verified_time = parts_.clock.Now();
  renewed->trusted = result.value().trusted;
  if (options_.check_slides) {
    const absl::Duration window =
        pair.credential->sync_token ? options_.sync_token_idle_window : options_.idle_window;
    renewed->deadline = sent + window - options_.safety_margin;
    renewed->expire_time = renewed->verified_time + (renewed->deadline - parts_.clock.SinceBoot());
  }
  pair.session = std::move(renewed);
  pair.failures = 0;
  pair.early_deaths = 0;
  pair.checked = parts_.clock.SinceBoot();
  if (!IsLive(pair)) {
    Forget(pair, "idle", later);
    return StartSignIn(key, pair, later);
  }
  AnswerWaiters(key, pair, false, later);
}

void Engine::OnDead(const Key& key, Pair& pair, Later& later) {
  const bool early = parts_.clock.SinceBoot() - pair.signed_in < kEarlyDeath;
  pair.early_deaths = early ? pair.early_deaths + 1 : 0;
  Forget(pair, "BILL calls it invalid", later);
  if (pair.early_deaths <= kToleratedEarlyDeaths) return StartSignIn(key, pair, later);
  pair.failures = pair.early_deaths;
  BillError death;
  death.code = "BDC_1109";
  death.detail = "it dies right after each sign-in";
  const absl::Status error = BackOff(pair, Reason::kSessionUnstable, death, options_.first_backoff);
  FailWaiters(key, pair, error, later);
}

void Engine::StartSignIn(const Key& key, Pair& pair, Later& later) {
  pair.activity = Pair::Activity::kIdle;
  if (pair.waiters.empty()) return;
  const absl::Duration now = parts_.clock.SinceBoot();
  const bool forced = std::any_of(pair.waiters.begin(), pair.waiters.end(),
                                  [](const Waiter& waiter) { return waiter.wants_new_sign_in; });
  const absl::Status obstacle = Obstacle(pair, forced, now);
  if (!obstacle.ok()) return FailWaiters(key, pair, obstacle, later);
  Attempt attempt{pair.credential, UserKeyOf(*pair.credential), forced, nullptr, {}};
  const std::string& secret_id = pair.credential->user_secret_id;
  switch (gate_.Ask(attempt.user, secret_id, now)) {
    case SignInGate::Answer::kGo:
      pair.activity = Pair::Activity::kSigningIn;
      parts_.executor.Run([this, key, attempt = std::move(attempt)]() mutable {
        LoadAndSend(key, std::move(attempt));
      });
      return;
    case SignInGate::Answer::kWait:
      pair.activity = Pair::Activity::kSigningIn;
      gate_.Enqueue(attempt.user, secret_id, key);
      return;
    case SignInGate::Answer::kRefused:
      FailWaiters(
          key, pair,
          MakeError(
              {Reason::kLoginBudgetSpent,
               gate_.RetryAfter(attempt.user, now),
               {{"credential", pair.credential->name}, {"organization_id", pair.organization_id}}},
              absl::StrCat(options_.max_failed_sign_ins_per_hour,
                           " sign-ins of the user of credential \"", pair.credential->name,
                           "\" failed within an hour, and more could lock it at BILL; mend the "
                           "credential and try again later")),
          later);
  }
}

absl::Status Engine::BackingOff(const Pair& pair, absl::Duration now) const {
  ErrorDetails details = *DetailsOf(pair.last_error);
  details.retry_after = pair.not_before - now;
  return MakeError(std::move(details), pair.last_error.message());
}

absl::Status Engine::Obstacle(const Pair& pair, bool forced, absl::Duration now) const {
  if (pair.removed) return RemovedError(pair);
  // Each try would hold a thread for as long as the vault is silent; VaultSync notices when it answers again.
  if (parts_.directory.vault_state() == VaultState::kTimedOut) {
    return VaultError(VaultState::kTimedOut);
  }
  const auto parked = parked_dev_keys_.find(DevKeyKeyOf(*pair.credential, pair.organization_id));
  if (parked != parked_dev_keys_.end() && parked->second > now) {
    return RateLimited(pair, parked->second - now);
  }
  if (forced) return absl::OkStatus();
  if (now < pair.not_before) return BackingOff(pair, now);
  const absl::optional<QuarantineEntry> entry =
      quarantine_.Find(*pair.credential, pair.organization_id, now);
  if (!entry.has_value()) return absl::OkStatus();
  return QuarantineError(*entry, *pair.credential, pair.organization_id);
}

void Engine::LoadAndSend(const Key& key, Attempt attempt) {
  const absl::StatusOr<CredentialPtr> stored = parts_.vault.Load(attempt.credential->name);
  absl::StatusOr<CredentialInfoPtr> current = TellDirectory(attempt.credential, stored);
  if (!current.ok()) return OnNotSent(key, attempt, current.status());
  std::string organization_id;
  {
    Later later;
    MutexLock lock(mutex_);
    Pair& pair = *FindPair(key);  // it stays while a sign-in is under way
    const bool overtaken = (*current)->uid != attempt.credential->uid ||
                           (*current)->version != attempt.credential->version;
    if (overtaken || pair.removed) {
      return DecideAgain(key, pair, attempt, *std::move(current), later);
    }
    pair.overtaken = 0;
    ++pair.sign_ins;
    ++sign_ins_;
    organization_id = pair.organization_id;
    attempt.started = parts_.clock.SinceBoot();
  }
  parts_.observer.SignInSent(attempt.credential->name, organization_id);
  attempt.dev_key = std::make_shared<SecretString>((*stored)->DevKeyFor(organization_id).Clone());
  parts_.bill.SignIn({*stored, organization_id},
                     [this, key, attempt = std::move(attempt)](BillResult<SignInAnswer> result) {
                       OnSignedIn(key, attempt, std::move(result));
                     });
}

void Engine::DecideAgain(const Key& key, Pair& pair, const Attempt& attempt,
                         CredentialInfoPtr current, Later& later) {
  gate_.End(attempt.user, attempt.credential->user_secret_id, SignInGate::Ending::kNeutral,
            parts_.clock.SinceBoot());
  if (current->uid != pair.credential->uid ||
      !current->organizations.contains(pair.organization_id)) {
    pair.removed = true;
  } else {
    pair.credential = std::move(current);
  }
  if (++pair.overtaken < kMaxOvertaken) {
    StartSignIn(key, pair, later);
  } else {
    pair.overtaken = 0;
    FailWaiters(key, pair, VersionConflict(attempt.credential->name), later);
  }
  WakeWaiting(attempt.user, later);
}

absl::StatusOr<CredentialInfoPtr> Engine::TellDirectory(
    const CredentialInfoPtr& seen, const absl::StatusOr<CredentialPtr>& stored) {
  if (!stored.ok()) {
    if (HasReason(stored.status(), Reason::kUnknownCredential)) {
      parts_.directory.Remove(seen->name, seen->uid);
    }
    return stored.status();
  }
  if ((*stored)->uid == seen->uid && (*stored)->version == seen->version) return seen;
  const absl::StatusOr<SecretString> master_key = parts_.vault.MasterKey();
  if (!master_key.ok()) return master_key.status();
  CredentialInfoPtr current = billbroker::InfoOf(**stored, Fingerprinter(*master_key));
  parts_.directory.Put(current);
  return current;
}

void Engine::OnNotSent(const Key& key, const Attempt& attempt, const absl::Status& error) {
  Later later;
  MutexLock lock(mutex_);
  gate_.End(attempt.user, attempt.credential->user_secret_id, SignInGate::Ending::kNeutral,
            parts_.clock.SinceBoot());
  FailWaiters(key, *FindPair(key), error, later);
  if (VaultStateOf(error) == VaultState::kReady) return WakeWaiting(attempt.user, later);
  // Those who wait for their turn need the same vault.
  for (const Key& waiting : gate_.DequeueAll(attempt.user)) {
    Pair* pair = FindPair(waiting);
    if (pair != nullptr) FailWaiters(waiting, *pair, error, later);
  }
}

void Engine::OnSignedIn(const Key& key, const Attempt& attempt, BillResult<SignInAnswer> result) {
  Later later;
  MutexLock lock(mutex_);
  gate_.End(attempt.user, attempt.credential->user_secret_id, EndingOf(result, attempt.forced),
            parts_.clock.SinceBoot());
  Pair& pair = *FindPair(key);  // it stays while a sign-in is under way
  pair.activity = Pair::Activity::kIdle;
  if (result.ok()) {
    Adopt(key, pair, attempt, std::move(result.value()), later);
  } else {
    const absl::Status error = Judge(pair, attempt, result.error());
    later.Add(
        [this, credential = attempt.credential, organization_id = pair.organization_id, error] {
          parts_.observer.SignInEnded(credential->name, organization_id, error, 0);
        });
    FailWaiters(key, pair, error, later);
  }
  WakeWaiting(attempt.user, later);
}

void Engine::Adopt(const Key& key, Pair& pair, const Attempt& attempt, SignInAnswer answer,
                   Later& later) {
  const CredentialInfo& credential = *attempt.credential;
  const absl::Duration window =
      credential.sync_token ? options_.sync_token_idle_window : options_.idle_window;
  const absl::Time now = parts_.clock.Now();
  auto session = std::make_shared<Session>();
  session->keys = {credential.environment,
                   std::make_shared<SecretString>(std::move(answer.session_id)), attempt.dev_key};
  session->dev_key_id = credential.DevKeyIdFor(pair.organization_id);
  session->organization_id = pair.organization_id;
  session->credential = credential.name;
  session->user_id = std::move(answer.user_id);
  session->base_url = parts_.base_urls.at(credential.environment);
  session->trusted = answer.trusted;
  session->generation =
      std::max(pair.generation + 1, static_cast<std::uint64_t>(absl::ToUnixMicros(now)));
  session->sign_in_time = session->verified_time = now;
  session->deadline = attempt.started + window - options_.safety_margin;
  session->expire_time = now + (session->deadline - parts_.clock.SinceBoot());
  later.Add([this, session] {
    parts_.observer.SignInEnded(session->credential, session->organization_id, absl::OkStatus(),
                                session->generation);
  });
  if (pair.removed) {
    SignOut(
        key, pair, std::move(session), [](const absl::StatusOr<bool>&) {}, later);
    return FailWaiters(key, pair, RemovedError(pair), later);
  }
  if (session->deadline <= parts_.clock.SinceBoot()) {  // the machine was suspended meanwhile
    BillError late;
    late.detail = "its answer came too late to be of use";
    return FailWaiters(key, pair, BackOff(pair, Reason::kBillUnavailable, late, {}), later);
  }
  quarantine_.Lift(credential, pair.organization_id);
  pair.generation = session->generation;
  pair.session = std::move(session);
  pair.signed_in = parts_.clock.SinceBoot();
  pair.failures = 0;
  AnswerWaiters(key, pair, true, later);
}

absl::Status Engine::Judge(Pair& pair, const Attempt& attempt, const BillError& error) {
  const CredentialInfo& credential = *attempt.credential;
  const absl::Duration since_boot = parts_.clock.SinceBoot();
  if (quarantine_.Add(credential, pair.organization_id, error, parts_.clock.Now(), since_boot)) {
    ++failed_sign_ins_;
    return QuarantineError(*quarantine_.Find(credential, pair.organization_id, since_boot),
                           credential, pair.organization_id);
  }
  switch (error.verdict) {
    case Verdict::kRateLimited:
      return Park(pair, credential, error);
    case Verdict::kUntrusted:
    case Verdict::kMfaFailed:
      ++failed_sign_ins_;
      return BackOff(pair, Reason::kMfaRequired, error, options_.longest_backoff);
    case Verdict::kRefused:
      ++failed_sign_ins_;
      return BackOff(pair, Reason::kBillUnavailable, error, options_.longest_backoff);
    default:
      return BackOff(pair, Reason::kBillUnavailable, error, absl::ZeroDuration());
  }
}

absl::Status Engine::Park(const Pair& pair, const CredentialInfo& credential,
                          const BillError& error) {
  const absl::Duration wait = std::max(
      error.retry_after.value_or(UntilNextClockHour(parts_.clock.Now())), options_.first_backoff);
  parked_dev_keys_[DevKeyKeyOf(credential, pair.organization_id)] = parts_.clock.SinceBoot() + wait;
  return RateLimited(pair, wait);
}

absl::Status Engine::BackOff(Pair& pair, Reason reason, const BillError& error,
                             absl::Duration at_least) {
  constexpr int kEnoughDoublings = 20;
  const double doubled = std::exp2(std::min(pair.failures++, kEnoughDoublings));
  const absl::Duration full = std::min(options_.first_backoff * doubled, options_.longest_backoff);
  const absl::Duration wait = std::max({full * (0.5 + parts_.random.Uniform() / 2), at_least,
                                        error.retry_after.value_or(absl::ZeroDuration())});
  pair.not_before = parts_.clock.SinceBoot() + wait;
  ErrorDetails details{
      reason,
      wait,
      {{"organization_id", pair.organization_id}, {"credential", pair.credential->name}}};
  if (!error.code.empty()) details.metadata.emplace("bill_code", error.code);
  pair.last_error =
      MakeError(std::move(details),
                absl::StrCat("no session of organization \"", pair.organization_id,
                             "\" from BILL: ", error.detail,
                             "; the broker tries again when asked after the time to wait"));
  return pair.last_error;
}

void Engine::WakeWaiting(const std::string& user, Later& later) {
  while (const absl::optional<std::string> key = gate_.Dequeue(user, parts_.clock.SinceBoot())) {
    Pair* pair = FindPair(*key);
    if (pair != nullptr) StartSignIn(*key, *pair, later);
  }
}

}  // namespace billbroker
