// How the engine signs in, from the decision to BILL's answer.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "server/session/joined_keys.h"
#include "server/session/later.h"
#include "server/session/session_manager.h"
#include "server/session/slot_errors.h"
#include "vault/fingerprint.h"

namespace billbroker {
namespace {

constexpr int kMaxOvertaken = 3;

}  // namespace

void SessionManager::StartSignIn(SessionSlot& slot, Priority priority, Later& later) {
  if (slot.activity != SessionSlot::Activity::kQueued) slot.activity = SessionSlot::Activity::kIdle;
  RefuseCachedOnly(slot, later);
  if (priority == Priority::kCaller && slot.waiters.empty()) return;
  const absl::Status obstacle = Obstacle(slot, IsForced(slot), parts_.clock.SinceBoot());
  if (!obstacle.ok()) return FailWaiters(slot, obstacle, later);
  slot.activity = SessionSlot::Activity::kQueued;
  governor_.Enqueue(ApplicantOf(slot), priority);
  const Key key = slot.key;
  Dispatch(later);
  SessionSlot* still = FindSlot(key);
  if (still != nullptr && still->activity == SessionSlot::Activity::kQueued) {
    RefuseImpatient(*still, later);
  }
}

bool SessionManager::IsForced(const SessionSlot& slot) {
  return std::any_of(slot.waiters.begin(), slot.waiters.end(),
                     [](const Waiter& waiter) { return waiter.wants_new_sign_in; });
}

void SessionManager::RefuseCachedOnly(SessionSlot& slot, Later& later) {
  const auto refused =
      std::stable_partition(slot.waiters.begin(), slot.waiters.end(),
                            [](const Waiter& waiter) { return !waiter.demand.cached_only; });
  for (auto waiter = refused; waiter != slot.waiters.end(); ++waiter) {
    later.Add(
        [done = std::move(waiter->done), error = NoLiveSession(slot)]() mutable { done(error); });
  }
  slot.waiters.erase(refused, slot.waiters.end());
}

LoginGovernor::Applicant SessionManager::ApplicantOf(const SessionSlot& slot) {
  const CredentialInfo& credential = *slot.credential;
  return {slot.key,
          slot.organization_id,
          DevKeyKeyOf(credential, slot.organization_id),
          credential.DevKeyIdFor(slot.organization_id),
          SignInUserKeyOf(credential, slot.organization_id),
          credential.user_secret_id,
          PartnerOf(slot)};
}

void SessionManager::Dispatch(Later& later) {
  const absl::Duration now = parts_.clock.SinceBoot();
  Wanted wanted;
  const auto may_go = [this, now, &wanted](const LoginGovernor::Applicant& applicant)
                          ABSL_NO_THREAD_SAFETY_ANALYSIS { return MayGo(applicant, now, wanted); };
  do {
    wanted.clear();
    partners_wake_ = absl::InfiniteDuration();
    while (absl::optional<LoginGovernor::Place> next = governor_.Next(now, may_go)) {
      const Key key = next->applicant.slot;
      if (SessionSlot* slot = FindSlot(key); slot != nullptr) {
        Launch(*slot, *std::move(next), later);
      } else if (Partner* partner = FindPartner(key); partner != nullptr) {
        LaunchPartner(*partner, *std::move(next), later);
      } else {
        LaunchProbe(key, *std::move(next), later);
      }
    }
  } while (QueuePartners(wanted));
  ScheduleWake();
}

void SessionManager::Launch(SessionSlot& slot, LoginGovernor::Place place, Later& later) {
  const absl::Duration now = parts_.clock.SinceBoot();
  const LoginGovernor::Applicant& applicant = place.applicant;
  slot.activity = SessionSlot::Activity::kIdle;
  const bool forced = IsForced(slot);
  absl::Status obstacle = Obstacle(slot, forced, now);
  if (obstacle.ok() &&
      gate_.Ask(applicant.user, applicant.secret_id, now) == SignInGate::Answer::kRefused) {
    obstacle = TooManyFailures(slot, applicant.user, now);
  }
  if (!obstacle.ok()) {
    governor_.Cancel(applicant);
    return FailWaiters(slot, obstacle, later);
  }
  gate_.Take(applicant.user);
  slot.activity = SessionSlot::Activity::kSigningIn;
  parts_.executor.Run(
      [this, key = slot.key, attempt = AttemptOf(slot, std::move(place), forced)]() mutable {
        LoadAndSend(key, std::move(attempt));
      });
}

Attempt SessionManager::AttemptOf(const SessionSlot& slot, LoginGovernor::Place place,
                                  bool forced) {
  Attempt attempt;
  attempt.credential = slot.credential;
  // Not PartnerSessionOf(): its time may end between the decision and here.
  if (const Partner* partner = FindPartner(place.applicant.partner); partner != nullptr) {
    attempt.partner = partner->session;
  }
  if (attempt.partner != nullptr) attempt.step = SignInStep::kSignInAsUser;
  attempt.place = std::move(place);
  attempt.forced = forced;
  if (!slot.waiters.empty()) {
    attempt.principal = slot.waiters.front().demand.principal;
    attempt.cause = slot.waiters.front().demand.cause;
  }
  return attempt;
}

SignInFacts SessionManager::FactsOf(const Attempt& attempt) {
  const LoginGovernor::Applicant& applicant = attempt.place.applicant;
  return {attempt.record.id,        attempt.principal,           attempt.cause,
          attempt.credential->name, attempt.credential->version, applicant.organization_id,
          applicant.dev_key_id};
}

void SessionManager::LoadAndSend(const Key& key, Attempt attempt) {
  const absl::StatusOr<CredentialPtr> stored = parts_.vault.Load(attempt.credential->name);
  absl::StatusOr<CredentialInfoPtr> current =
      TellDirectory(attempt.credential, stored, attempt.place.applicant.organization_id);
  if (!current.ok()) return OnNotSent(key, attempt, current.status());
  const std::string organization_id = attempt.place.applicant.organization_id;
  {
    Later later;
    MutexLock lock(mutex_);
    SessionSlot& slot = *FindSlot(key);  // it stays while a sign-in is under way
    if (*current != attempt.credential || slot.removed) {
      return DecideAgain(slot, attempt, *std::move(current), later);
    }
    slot.overtaken = 0;
    ++slot.sign_ins;
    ++sign_ins_;
    slot.generation = attempt.generation = NextGeneration(slot);
    Save(slot);
    attempt.record = RecordOf(attempt.place.applicant);
    attempt.record.slot = {slot.credential->uid, slot.organization_id};
    attempt.record.principal = attempt.principal;
  }
  if (absl::Status noted = parts_.observer.SignInStarts(FactsOf(attempt)); !noted.ok()) {
    return OnNotSent(key, attempt, noted);
  }
  attempt.dev_key = std::make_shared<SecretString>((*stored)->DevKeyFor(organization_id).Clone());
  // In the ledger before it is sent. If that fails the store says so, and the ledger in memory
  // decides alone.
  parts_.store.RecordAttempt(attempt.record, [this, &executor = parts_.executor, key,
                                              credential = *stored, attempt](const absl::Status&) {
    executor.Run([this, key, credential, attempt] {
      Send(credential, attempt, [this, key, attempt](BillResult<SignInAnswer> result) {
        OnSignedIn(key, attempt, std::move(result));
      });
    });
  });
}

void SessionManager::Send(const CredentialPtr& credential, const Attempt& attempt,
                          BillApi::Done<SignInAnswer> done) {
  const std::string& organization_id = attempt.place.applicant.organization_id;
  if (credential->kind != CredentialKind::kPartner) {
    return parts_.bill.SignIn({credential, organization_id}, std::move(done));
  }
  parts_.bill.SignInAsUser({credential, organization_id, attempt.partner->session_id},
                           std::move(done));
}

StoredAttempt SessionManager::RecordOf(const LoginGovernor::Applicant& applicant) const {
  return {parts_.random.Uid(),
          {},
          "",
          DevKeyBudgetIdFromJoined(applicant.dev_key),
          UserIdFromJoined(applicant.user),
          applicant.secret_id,
          {parts_.clock.Now(), parts_.clock.SinceBoot()},
          absl::nullopt,
          SignInGate::Ending::kUnclear};
}

void SessionManager::DecideAgain(SessionSlot& slot, const Attempt& attempt,
                                 CredentialInfoPtr current, Later& later) {
  CancelAttempt(attempt);
  if (current->uid != slot.credential->uid ||
      !current->organizations.contains(slot.organization_id)) {
    slot.removed = true;
  } else {
    slot.credential = std::move(current);
  }
  if (++slot.overtaken < kMaxOvertaken) {
    slot.activity = SessionSlot::Activity::kIdle;
    StartSignIn(slot, attempt.place.order.first, later);
  } else {
    slot.overtaken = 0;
    FailWaiters(slot, VersionConflict(attempt.credential->name), later);
  }
  Dispatch(later);
}

absl::StatusOr<CredentialInfoPtr> SessionManager::TellDirectory(
    const CredentialInfoPtr& seen, const absl::StatusOr<CredentialPtr>& stored,
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

void SessionManager::OnNotSent(const Key& key, const Attempt& attempt, const absl::Status& error) {
  Later later;
  MutexLock lock(mutex_);
  CancelAttempt(attempt);
  SessionSlot& slot = *FindSlot(key);  // it stays while a sign-in is under way
  if (attempt.generation != 0) {
    --slot.sign_ins;
    --sign_ins_;
  }
  FailWaiters(slot, error, later);
  if (VaultStateOf(error) != VaultState::kReady) {
    // Those who wait for their turn need the same vault.
    const LoginGovernor::Applicant& applicant = attempt.place.applicant;
    for (const Key& queued : applicant.partner.empty()
                                 ? governor_.QueuedOf(applicant.user)
                                 : governor_.QueuedBehind(applicant.partner)) {
      SessionSlot* waiting = FindSlot(queued);
      if (waiting != nullptr) FailWaiters(*waiting, error, later);  // a probe needs no vault
    }
  }
  Dispatch(later);
}

void SessionManager::CancelAttempt(const Attempt& attempt) {
  const LoginGovernor::Applicant& applicant = attempt.place.applicant;
  gate_.End(applicant.user, applicant.secret_id, SignInGate::Ending::kNeutral,
            parts_.clock.SinceBoot());
  governor_.Cancel(applicant);
}

SignInGate::Ending SessionManager::EndingOf(const BillError* error, bool forced) {
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

void SessionManager::EndAttempt(const Attempt& attempt, SignInGate::Ending ending) {
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

void SessionManager::OnSignedIn(const Key& key, const Attempt& attempt,
                                BillResult<SignInAnswer> result) {
  Later later;
  MutexLock lock(mutex_);
  EndAttempt(attempt, EndingOf(result.ok() ? nullptr : &result.error(), attempt.forced));
  SessionSlot& slot = *FindSlot(key);  // it stays while a sign-in is under way
  slot.activity = SessionSlot::Activity::kIdle;
  if (result.ok()) {
    NotePartnerWorked(attempt);
    Adopt(slot, attempt, std::move(result.value()), later);
  } else {
    OnRefused(slot, attempt, result.error(), later);
  }
  Dispatch(later);
}

}  // namespace billbroker
