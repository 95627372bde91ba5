// What BILL's answer to a sign-in makes of the pair: a new session, or a refusal.
#include <memory>
#include <utility>
#include <vector>

#include "server/session/engine.h"
#include "server/session/later.h"
#include "server/session/pair_errors.h"

namespace billbroker {

void Engine::OnRefused(Pair& pair, const Attempt& attempt, const BillError& bill_error,
                       Later& later) {
  if (attempt.partner != nullptr && bill_error.verdict == Verdict::kSessionInvalid &&
      !pair.removed && RenewPartner(pair, attempt, later)) {
    later.Add([this, facts = FactsOf(attempt)] {
      parts_.observer.SignInEnded(
          facts, MakeError(Reason::kBillUnavailable, "the partner's session was dead"), 0);
    });
    return;
  }
  const bool rate_limited = bill_error.verdict == Verdict::kRateLimited;
  const absl::Status error = rate_limited
                                 ? Park(pair, attempt.place.applicant.dev_key, bill_error, later)
                                 : Judge(pair, attempt, bill_error);
  later.Add(
      [this, facts = FactsOf(attempt), error] { parts_.observer.SignInEnded(facts, error, 0); });
  if (!rate_limited || pair.removed) {
    const bool for_good =
        quarantine_.Find(*attempt.credential, pair.organization_id, parts_.clock.SinceBoot())
            .has_value();
    FailWaiters(pair, error, later);
    if (for_good) DropHopeless(attempt.place.applicant, later);
    return;
  }
  pair.activity = Pair::Activity::kQueued;
  governor_.Enqueue(ApplicantOf(pair), attempt.place.order.first, attempt.place.order.second);
  const LoginGovernor::Applicant& applicant = attempt.place.applicant;
  // It may be either key's hour that is spent.
  ParkPartner(applicant.partner, governor_.ParkedUntil(applicant.dev_key), later);
  RefuseImpatient(pair, later);
}

// What was refused may stand against others in the queue.
void Engine::DropHopeless(const LoginGovernor::Applicant& refused, Later& later) {
  std::vector<Key> queued = governor_.QueuedOf(refused.user);
  for (Key& key : governor_.QueuedOn(refused.dev_key)) queued.push_back(std::move(key));
  for (const Key& key : queued) {
    Pair* pair = FindPair(key);
    if (pair == nullptr || pair->activity != Pair::Activity::kQueued || IsForced(*pair)) continue;
    const absl::Status obstacle = Obstacle(*pair, false, parts_.clock.SinceBoot());
    if (!obstacle.ok()) FailWaiters(*pair, obstacle, later);
  }
}

SessionPtr Engine::MakeSession(const Pair& pair, const Attempt& attempt, SignInAnswer answer,
                               Later& later) {
  const CredentialInfo& credential = *attempt.credential;
  const absl::Time now = parts_.clock.Now();
  auto session = std::make_shared<Session>();
  session->keys = {credential.environment,
                   std::make_shared<SecretString>(std::move(answer.session_id)), attempt.dev_key};
  session->dev_key_id = credential.DevKeyIdFor(pair.organization_id);
  session->organization_id = pair.organization_id;
  session->credential = credential.name;
  session->version = credential.version;
  session->user_id = std::move(answer.user_id);
  session->base_url = parts_.base_urls.at(credential.environment);
  session->trusted = answer.trusted;
  session->generation = session->first_generation = attempt.generation;
  session->sign_in_time = session->verified_time = now;
  session->signed_in = attempt.record.started.since_boot;
  session->deadline = DeadlineOf(pair, session->signed_in, session->signed_in);
  session->expire_time = now + (session->deadline - parts_.clock.SinceBoot());
  NoteTrust(credential, pair.organization_id, session->trusted, later);
  later.Add([this, facts = FactsOf(attempt), generation = session->generation] {
    parts_.observer.SignInEnded(facts, absl::OkStatus(), generation);
  });
  return session;
}

void Engine::LiftQuarantine(const Attempt& attempt) {
  for (std::string& scope : quarantine_.Lift(
           *attempt.credential, attempt.place.applicant.organization_id, attempt.step)) {
    parts_.store.WriteSoon(QuarantineLifted{std::move(scope)});
  }
}

void Engine::Adopt(Pair& pair, const Attempt& attempt, SignInAnswer answer, Later& later) {
  SessionPtr session = MakeSession(pair, attempt, std::move(answer), later);
  if (pair.removed) {
    SignOutUnasked(pair, session, later);
    return FailWaiters(pair, Removed(pair), later);
  }
  if (pair.logged_out && pair.waiters.empty()) {  // while this was under way
    return SignOutUnasked(pair, session, later);
  }
  if (IsVoid(pair, *session)) {  // a compromise was answered while this was under way
    SignOutUnasked(pair, session, later);
    return StartSignIn(pair, attempt.place.order.first, later);
  }
  if (session->deadline <= parts_.clock.SinceBoot()) {  // the machine was suspended meanwhile
    BillError late;
    late.detail = "its answer came too late to be of use";
    return FailWaiters(pair, BackOff(pair, Reason::kBillUnavailable, late, {}), later);
  }
  LiftQuarantine(attempt);
  Install(pair, std::move(session), later);
}

void Engine::Install(Pair& pair, SessionPtr session, Later& later) {
  if (IsLive(pair) && pair.session->generation > session->generation) {
    // A sign-in and a probe of different devKeys may be under way together, and end in any order.
    Retire(session, absl::ZeroDuration());
  } else {
    if (IsLive(pair) && (pair.session->dev_key_id != session->dev_key_id ||
                         pair.session->user_id != session->user_id)) {
      Retire(pair.session, options_.replaced_grace);
    }
    pair.session = std::move(session);
    pair.confirmed = true;
    pair.logged_out = false;
    pair.failures = 0;
    PlanKeepAlive(pair);
    Save(pair);
    Changed(pair, later);
  }
  // Where a check or sign-in is under way, its end answers.
  if (pair.activity == Pair::Activity::kIdle) AnswerWaiters(pair, true, later);
}

}  // namespace billbroker
