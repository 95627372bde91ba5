// What BILL's answer to a sign-in makes of the slot: a new session, or a refusal.
#include <memory>
#include <utility>
#include <vector>

#include "server/session/later.h"
#include "server/session/session_manager.h"
#include "server/session/slot_errors.h"

namespace billbroker {

void SessionManager::OnRefused(SessionSlot& slot, const Attempt& attempt,
                               const BillError& bill_error, Later& later) {
  if (attempt.partner != nullptr && bill_error.verdict == Verdict::kSessionInvalid &&
      !slot.removed && RenewPartner(slot, attempt, later)) {
    later.Add([this, facts = FactsOf(attempt)] {
      parts_.observer.SignInEnded(
          facts, MakeError(Reason::kBillUnavailable, "the partner's session was dead"), 0);
    });
    return;
  }
  const bool rate_limited = bill_error.verdict == Verdict::kRateLimited;
  const absl::Status error = rate_limited
                                 ? Park(slot, attempt.place.applicant.dev_key, bill_error, later)
                                 : Judge(slot, attempt, bill_error);
  later.Add(
      [this, facts = FactsOf(attempt), error] { parts_.observer.SignInEnded(facts, error, 0); });
  if (!rate_limited || slot.removed) {
    const bool for_good =
        quarantine_.Find(*attempt.credential, slot.organization_id, parts_.clock.SinceBoot())
            .has_value();
    FailWaiters(slot, error, later);
    if (for_good) DropHopeless(attempt.place.applicant, later);
    return;
  }
  slot.activity = SessionSlot::Activity::kQueued;
  governor_.Enqueue(ApplicantOf(slot), attempt.place.order.first, attempt.place.order.second);
  const LoginGovernor::Applicant& applicant = attempt.place.applicant;
  // It may be either key's hour that is spent.
  ParkPartner(applicant.partner, governor_.ParkedUntil(applicant.dev_key), later);
  RefuseImpatient(slot, later);
}

// What was refused may stand against others in the queue.
void SessionManager::DropHopeless(const LoginGovernor::Applicant& refused, Later& later) {
  std::vector<Key> queued = governor_.QueuedOf(refused.user);
  for (Key& key : governor_.QueuedOn(refused.dev_key)) queued.push_back(std::move(key));
  for (const Key& key : queued) {
    SessionSlot* slot = FindSlot(key);
    if (slot == nullptr || slot->activity != SessionSlot::Activity::kQueued || IsForced(*slot))
      continue;
    const absl::Status obstacle = Obstacle(*slot, false, parts_.clock.SinceBoot());
    if (!obstacle.ok()) FailWaiters(*slot, obstacle, later);
  }
}

SessionPtr SessionManager::MakeSession(const SessionSlot& slot, const Attempt& attempt,
                                       SignInAnswer answer, Later& later) {
  const CredentialInfo& credential = *attempt.credential;
  const absl::Time now = parts_.clock.Now();
  auto session = std::make_shared<Session>();
  session->keys = {credential.environment,
                   std::make_shared<SecretString>(std::move(answer.session_id)), attempt.dev_key};
  session->dev_key_id = credential.DevKeyIdFor(slot.organization_id);
  session->organization_id = slot.organization_id;
  session->credential = credential.name;
  session->version = credential.version;
  session->user_id = std::move(answer.user_id);
  session->base_url = parts_.base_urls.at(credential.environment);
  session->trusted = answer.trusted;
  session->generation = session->first_generation = attempt.generation;
  session->sign_in_time = session->verified_time = now;
  session->signed_in = attempt.record.started.since_boot;
  session->deadline = DeadlineOf(slot, session->signed_in, session->signed_in);
  session->expire_time = now + (session->deadline - parts_.clock.SinceBoot());
  NoteTrust(credential, slot.organization_id, session->trusted, later);
  later.Add([this, facts = FactsOf(attempt), generation = session->generation] {
    parts_.observer.SignInEnded(facts, absl::OkStatus(), generation);
  });
  return session;
}

void SessionManager::LiftQuarantine(const Attempt& attempt) {
  for (std::string& scope : quarantine_.Lift(
           *attempt.credential, attempt.place.applicant.organization_id, attempt.step)) {
    parts_.store.WriteSoon(QuarantineLifted{std::move(scope)});
  }
}

void SessionManager::Adopt(SessionSlot& slot, const Attempt& attempt, SignInAnswer answer,
                           Later& later) {
  SessionPtr session = MakeSession(slot, attempt, std::move(answer), later);
  if (slot.removed) {
    SignOutUnasked(slot, session, later);
    return FailWaiters(slot, Removed(slot), later);
  }
  if (slot.logged_out && slot.waiters.empty()) {  // while this was under way
    return SignOutUnasked(slot, session, later);
  }
  if (IsVoid(slot, *session)) {  // a compromise was answered while this was under way
    SignOutUnasked(slot, session, later);
    return StartSignIn(slot, attempt.place.order.first, later);
  }
  if (session->deadline <= parts_.clock.SinceBoot()) {  // the machine was suspended meanwhile
    BillError late;
    late.detail = "its answer came too late to be of use";
    return FailWaiters(slot, BackOff(slot, Reason::kBillUnavailable, late, {}), later);
  }
  LiftQuarantine(attempt);
  Install(slot, std::move(session), later);
}

void SessionManager::Install(SessionSlot& slot, SessionPtr session, Later& later) {
  if (IsLive(slot) && slot.session->generation > session->generation) {
    // A sign-in and a probe of different devKeys may be under way together, and end in any order.
    Retire(session, absl::ZeroDuration());
  } else {
    if (IsLive(slot) && (slot.session->dev_key_id != session->dev_key_id ||
                         slot.session->user_id != session->user_id)) {
      Retire(slot.session, options_.replaced_grace);
    }
    slot.session = std::move(session);
    slot.confirmed = true;
    slot.logged_out = false;
    slot.failures = 0;
    PlanKeepAlive(slot);
    Save(slot);
    Changed(slot, later);
  }
  // Where a check or sign-in is under way, its end answers.
  if (slot.activity == SessionSlot::Activity::kIdle) AnswerWaiters(slot, true, later);
}

}  // namespace billbroker
