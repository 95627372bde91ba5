// How the engine signs in, from the decision to BILL's answer.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "server/session/engine.h"
#include "server/session/later.h"
#include "server/session/pair_errors.h"
#include "vault/fingerprint.h"

namespace billbroker {
namespace {

constexpr int kMaxOvertaken = 3;

}  // namespace

void Engine::StartSignIn(Pair& pair, Priority priority, Later& later) {
  if (pair.activity != Pair::Activity::kQueued) pair.activity = Pair::Activity::kIdle;
  RefuseCachedOnly(pair, later);
  if (priority == Priority::kCaller && pair.waiters.empty()) return;
  const absl::Status obstacle = Obstacle(pair, IsForced(pair), parts_.clock.SinceBoot());
  if (!obstacle.ok()) return FailWaiters(pair, obstacle, later);
  pair.activity = Pair::Activity::kQueued;
  governor_.Enqueue(ApplicantOf(pair), priority);
  const Key key = pair.key;
  Dispatch(later);
  Pair* still = FindPair(key);
  if (still != nullptr && still->activity == Pair::Activity::kQueued) {
    RefuseImpatient(*still, later);
  }
}

bool Engine::IsForced(const Pair& pair) {
  return std::any_of(pair.waiters.begin(), pair.waiters.end(),
                     [](const Waiter& waiter) { return waiter.wants_new_sign_in; });
}

void Engine::RefuseCachedOnly(Pair& pair, Later& later) {
  const auto refused =
      std::stable_partition(pair.waiters.begin(), pair.waiters.end(),
                            [](const Waiter& waiter) { return !waiter.demand.cached_only; });
  for (auto waiter = refused; waiter != pair.waiters.end(); ++waiter) {
    later.Add(
        [done = std::move(waiter->done), error = NoLiveSession(pair)]() mutable { done(error); });
  }
  pair.waiters.erase(refused, pair.waiters.end());
}

LoginGovernor::Applicant Engine::ApplicantOf(const Pair& pair) {
  const CredentialInfo& credential = *pair.credential;
  return {pair.key,
          pair.organization_id,
          DevKeyKeyOf(credential, pair.organization_id),
          credential.DevKeyIdFor(pair.organization_id),
          SignInUserKeyOf(credential, pair.organization_id),
          credential.user_secret_id,
          PartnerOf(pair)};
}

void Engine::Dispatch(Later& later) {
  const absl::Duration now = parts_.clock.SinceBoot();
  Wanted wanted;
  const auto may_go = [this, now, &wanted](const LoginGovernor::Applicant& applicant)
                          ABSL_NO_THREAD_SAFETY_ANALYSIS { return MayGo(applicant, now, wanted); };
  do {
    wanted.clear();
    partners_wake_ = absl::InfiniteDuration();
    while (absl::optional<LoginGovernor::Place> next = governor_.Next(now, may_go)) {
      const Key key = next->applicant.pair;
      if (Pair* pair = FindPair(key); pair != nullptr) {
        Launch(*pair, *std::move(next), later);
      } else if (Partner* partner = FindPartner(key); partner != nullptr) {
        LaunchPartner(*partner, *std::move(next), later);
      } else {
        LaunchProbe(key, *std::move(next), later);
      }
    }
  } while (QueuePartners(wanted));
  ScheduleWake();
}

void Engine::Launch(Pair& pair, LoginGovernor::Place place, Later& later) {
  const absl::Duration now = parts_.clock.SinceBoot();
  const LoginGovernor::Applicant& applicant = place.applicant;
  pair.activity = Pair::Activity::kIdle;
  const bool forced = IsForced(pair);
  absl::Status obstacle = Obstacle(pair, forced, now);
  if (obstacle.ok() &&
      gate_.Ask(applicant.user, applicant.secret_id, now) == SignInGate::Answer::kRefused) {
    obstacle = TooManyFailures(pair, applicant.user, now);
  }
  if (!obstacle.ok()) {
    governor_.Cancel(applicant);
    return FailWaiters(pair, obstacle, later);
  }
  gate_.Take(applicant.user);
  pair.activity = Pair::Activity::kSigningIn;
  parts_.executor.Run(
      [this, key = pair.key, attempt = AttemptOf(pair, std::move(place), forced)]() mutable {
        LoadAndSend(key, std::move(attempt));
      });
}

Attempt Engine::AttemptOf(const Pair& pair, LoginGovernor::Place place, bool forced) {
  Attempt attempt;
  attempt.credential = pair.credential;
  // Not PartnerSessionOf(): its time may end between the decision and here.
  if (const Partner* partner = FindPartner(place.applicant.partner); partner != nullptr) {
    attempt.partner = partner->session;
  }
  if (attempt.partner != nullptr) attempt.step = SignInStep::kSignInAsUser;
  attempt.place = std::move(place);
  attempt.forced = forced;
  if (!pair.waiters.empty()) {
    attempt.principal = pair.waiters.front().demand.principal;
    attempt.cause = pair.waiters.front().demand.cause;
  }
  return attempt;
}

SignInFacts Engine::FactsOf(const Attempt& attempt) {
  const LoginGovernor::Applicant& applicant = attempt.place.applicant;
  return {attempt.record.id,        attempt.principal,           attempt.cause,
          attempt.credential->name, attempt.credential->version, applicant.organization_id,
          applicant.dev_key_id};
}

void Engine::LoadAndSend(const Key& key, Attempt attempt) {
  const absl::StatusOr<CredentialPtr> stored = parts_.vault.Load(attempt.credential->name);
  absl::StatusOr<CredentialInfoPtr> current =
      TellDirectory(attempt.credential, stored, attempt.place.applicant.organization_id);
  if (!current.ok()) return OnNotSent(key, attempt, current.status());
  const std::string organization_id = attempt.place.applicant.organization_id;
  {
    Later later;
    MutexLock lock(mutex_);
    Pair& pair = *FindPair(key);  // it stays while a sign-in is under way
    if (*current != attempt.credential || pair.removed) {
      return DecideAgain(pair, attempt, *std::move(current), later);
    }
    pair.overtaken = 0;
    ++pair.sign_ins;
    ++sign_ins_;
    pair.generation = attempt.generation = NextGeneration(pair);
    Save(pair);
    attempt.record = RecordOf(attempt.place.applicant);
  }
  if (absl::Status noted = parts_.observer.SignInStarts(FactsOf(attempt)); !noted.ok()) {
    return OnNotSent(key, attempt, noted);
  }
  // In the ledger before it is sent. Where that fails the store says so, and the ledger in memory
  // has to do.
  (void)parts_.store.WriteNow(attempt.record);
  attempt.dev_key = std::make_shared<SecretString>((*stored)->DevKeyFor(organization_id).Clone());
  Send(*stored, attempt, [this, key, attempt](BillResult<SignInAnswer> result) {
    OnSignedIn(key, attempt, std::move(result));
  });
}

void Engine::Send(const CredentialPtr& credential, const Attempt& attempt,
                  BillApi::Done<SignInAnswer> done) {
  const std::string& organization_id = attempt.place.applicant.organization_id;
  if (credential->kind != CredentialKind::kPartner) {
    return parts_.bill.SignIn({credential, organization_id}, std::move(done));
  }
  parts_.bill.SignInAsUser({credential, organization_id, attempt.partner->session_id},
                           std::move(done));
}

StoredAttempt Engine::RecordOf(const LoginGovernor::Applicant& applicant) const {
  return {parts_.random.Uid(),
          applicant.dev_key,
          applicant.user,
          applicant.secret_id,
          {parts_.clock.Now(), parts_.clock.SinceBoot()},
          absl::nullopt,
          SignInGate::Ending::kUnclear};
}

void Engine::DecideAgain(Pair& pair, const Attempt& attempt, CredentialInfoPtr current,
                         Later& later) {
  CancelAttempt(attempt);
  if (current->uid != pair.credential->uid ||
      !current->organizations.contains(pair.organization_id)) {
    pair.removed = true;
  } else {
    pair.credential = std::move(current);
  }
  if (++pair.overtaken < kMaxOvertaken) {
    pair.activity = Pair::Activity::kIdle;
    StartSignIn(pair, attempt.place.order.first, later);
  } else {
    pair.overtaken = 0;
    FailWaiters(pair, VersionConflict(attempt.credential->name), later);
  }
  Dispatch(later);
}

absl::StatusOr<CredentialInfoPtr> Engine::TellDirectory(const CredentialInfoPtr& seen,
                                                        const absl::StatusOr<CredentialPtr>& stored,
                                                        absl::string_view organization_id) {
  if (!stored.ok()) {
    if (HasReason(stored.status(), Reason::kUnknownCredential)) {
      parts_.directory.Remove(seen->name, seen->uid);
    }
    return stored.status();
  }
  // Edited by hand, it may lack the organization, or be of another kind, under the same version.
  const Credential& found = **stored;
  const bool attached =
      organization_id.empty() || found.FindOrganization(organization_id) != nullptr;
  if (found.uid == seen->uid && found.version == seen->version && found.kind == seen->kind &&
      attached) {
    return seen;
  }
  const absl::StatusOr<SecretString> master_key = parts_.vault.MasterKey();
  if (!master_key.ok()) return master_key.status();
  CredentialInfoPtr current = billbroker::InfoOf(found, Fingerprinter(*master_key));
  parts_.directory.Put(current);
  return current;
}

void Engine::OnNotSent(const Key& key, const Attempt& attempt, const absl::Status& error) {
  Later later;
  MutexLock lock(mutex_);
  CancelAttempt(attempt);
  Pair& pair = *FindPair(key);  // it stays while a sign-in is under way
  if (attempt.generation != 0) {
    --pair.sign_ins;
    --sign_ins_;
  }
  FailWaiters(pair, error, later);
  if (VaultStateOf(error) != VaultState::kReady) {
    // Those who wait for their turn need the same vault.
    const LoginGovernor::Applicant& applicant = attempt.place.applicant;
    for (const Key& queued : applicant.partner.empty()
                                 ? governor_.QueuedOf(applicant.user)
                                 : governor_.QueuedBehind(applicant.partner)) {
      Pair* waiting = FindPair(queued);
      if (waiting != nullptr) FailWaiters(*waiting, error, later);  // a probe needs no vault
    }
  }
  Dispatch(later);
}

void Engine::CancelAttempt(const Attempt& attempt) {
  const LoginGovernor::Applicant& applicant = attempt.place.applicant;
  gate_.End(applicant.user, applicant.secret_id, SignInGate::Ending::kNeutral,
            parts_.clock.SinceBoot());
  governor_.Cancel(applicant);
}

SignInGate::Ending Engine::EndingOf(const BillError* error, bool forced) {
  if (error == nullptr) return SignInGate::Ending::kAccepted;
  switch (error->verdict) {
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
      const bool lost = error->delivery == Delivery::kMaybeSent && error->http_status == 0;
      const bool by_a_gateway =
          error->http_status == 401 || error->http_status == 403 || error->http_status == 423;
      return lost || by_a_gateway ? SignInGate::Ending::kUnclear : SignInGate::Ending::kNeutral;
    }
    default:
      return SignInGate::Ending::kNeutral;
  }
}

void Engine::EndAttempt(const Attempt& attempt, SignInGate::Ending ending) {
  const LoginGovernor::Applicant& applicant = attempt.place.applicant;
  StoredAttempt record = attempt.record;
  record.ended = Moment{parts_.clock.Now(), parts_.clock.SinceBoot()};
  record.ending = ending;
  const absl::Duration now = record.ended->since_boot;
  gate_.End(applicant.user, applicant.secret_id, ending, now);
  governor_.End(applicant, now - record.started.since_boot, now);
  recorded_.emplace_back(now, record.id);
  parts_.store.WriteSoon(std::move(record));
}

void Engine::OnSignedIn(const Key& key, const Attempt& attempt, BillResult<SignInAnswer> result) {
  Later later;
  MutexLock lock(mutex_);
  EndAttempt(attempt, EndingOf(result.ok() ? nullptr : &result.error(), attempt.forced));
  Pair& pair = *FindPair(key);  // it stays while a sign-in is under way
  pair.activity = Pair::Activity::kIdle;
  if (result.ok()) {
    NotePartnerWorked(attempt);
    Adopt(pair, attempt, std::move(result.value()), later);
  } else {
    OnRefused(pair, attempt, result.error(), later);
  }
  Dispatch(later);
}

}  // namespace billbroker
