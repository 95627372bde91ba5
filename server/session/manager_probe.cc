// How the engine proves a credential by a sign-in, before it is stored or without a change.
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/session/later.h"
#include "server/session/session_manager.h"
#include "server/session/slot_errors.h"
#include "vault/base/fault_point.h"

namespace billbroker {

ProbeVerdict SessionManager::VerdictOf(const BillError& error, bool quarantined) {
  if (quarantined) return ProbeVerdict::kRefused;
  switch (error.verdict) {
    case Verdict::kRefused:
    case Verdict::kUntrusted:
    case Verdict::kMfaFailed:
      return ProbeVerdict::kRefused;
    case Verdict::kUnavailable:
      return error.delivery == Delivery::kMaybeSent ? ProbeVerdict::kUnclear
                                                    : ProbeVerdict::kNotTried;
    default:
      return ProbeVerdict::kNotTried;
  }
}

void SessionManager::Probe(ProbeRequest request, ProbeDone done) {
  const absl::StatusOr<CredentialInfoPtr> found =
      parts_.directory.Find(request.organization_id, request.candidate->name);
  if (!found.ok()) return done({ProbeVerdict::kNotTried, found.status(), nullptr});
  Later later;
  MutexLock lock(mutex_);
  SlotOf(*found, request.organization_id);
  auto probe = std::make_unique<Probing>();
  // No pair of the engine's, so that nobody is answered by it; what is asked of a slot can be asked
  // of it: whom the sign-in is for, what stands against it, how to say so.
  probe->slot.key = absl::StrCat("probe ", ++probes_made_);
  probe->slot.organization_id = request.organization_id;
  probe->slot.credential = std::move(request.info);
  if (!PartnerKeyOf(*probe->slot.credential).empty()) {
    probe->slot.own_partner = absl::StrCat("partner of ", probe->slot.key);
  }
  probe->candidate = std::move(request.candidate);
  probe->said_now = request.said_now;
  probe->principal = std::move(request.principal);
  probe->cause = std::move(request.cause);
  probe->done = std::move(done);
  const absl::Duration now = parts_.clock.SinceBoot();
  Probing& kept = *probe;
  probes_.emplace(kept.slot.key, std::move(probe));
  absl::Status obstacle = Obstacle(kept.slot, kept.said_now, now);
  // Edited by hand since the directory read it.
  if (kept.candidate->FindOrganization(kept.slot.organization_id) == nullptr) {
    obstacle = Removed(kept.slot);
  }
  if (!obstacle.ok()) {
    return EndProbe(kept, {ProbeVerdict::kNotTried, std::move(obstacle), nullptr}, later);
  }
  const Key key = kept.slot.key;
  governor_.Enqueue(ApplicantOf(kept.slot), Priority::kCaller);
  kept.gives_up = now + request.patience;
  Dispatch(later);
  RefuseImpatientProbe(key, later);
}

void SessionManager::RefuseImpatientProbe(const Key& key, Later& later) {
  const auto found = probes_.find(key);
  if (found == probes_.end()) return;
  const LoginGovernor::Place* place = governor_.Find(key);
  if (place == nullptr) return;  // under way
  Probing& probe = *found->second;
  const absl::Duration now = parts_.clock.SinceBoot();
  const absl::Duration turn = TurnOf(probe.slot, now);
  if (turn <= probe.gives_up) return;
  governor_.Withdraw(key);
  absl::Status error = ParkedUntil(probe.slot) >= turn ? RateLimited(probe.slot, turn - now)
                                                       : BudgetSpent(probe.slot, turn - now);
  EndProbe(probe, {ProbeVerdict::kNotTried, std::move(error), nullptr}, later);
}

void SessionManager::EndProbe(Probing& probe, ProbeResult result, Later& later) {
  later.Add([done = std::move(probe.done), result = std::move(result)]() mutable {
    done(std::move(result));
  });
  const Key key = probe.slot.key;
  DropPartner(probe.slot.own_partner);
  governor_.Withdraw(key);  // where its partner was refused
  probes_.erase(key);
}

void SessionManager::LaunchProbe(const Key& key, LoginGovernor::Place place, Later& later) {
  Probing& probe = *probes_.find(key)->second;
  const absl::Duration now = parts_.clock.SinceBoot();
  const LoginGovernor::Applicant& applicant = place.applicant;
  absl::Status obstacle = Obstacle(probe.slot, probe.said_now, now);
  if (obstacle.ok() &&
      gate_.Ask(applicant.user, applicant.secret_id, now) == SignInGate::Answer::kRefused) {
    obstacle = TooManyFailures(probe.slot, applicant.user, now);
  }
  SessionSlot* slot =
      FindSlot(SlotKey(probe.slot.credential->uid, probe.slot.organization_id).text());
  if (obstacle.ok() && (slot == nullptr || slot->removed)) obstacle = Removed(probe.slot);
  if (!obstacle.ok()) {
    governor_.Cancel(applicant);
    return EndProbe(probe, {ProbeVerdict::kNotTried, std::move(obstacle), nullptr}, later);
  }
  gate_.Take(applicant.user);
  ++slot->sign_ins;
  ++sign_ins_;
  Attempt attempt = AttemptOf(probe.slot, std::move(place), true);
  attempt.principal = probe.principal;
  attempt.cause = probe.cause;
  slot->generation = attempt.generation = NextGeneration(*slot);
  Save(*slot);
  attempt.record = RecordOf(attempt.place.applicant);
  attempt.record.slot = {slot->credential->uid, slot->organization_id};
  attempt.record.principal = attempt.principal;
  attempt.dev_key = std::make_shared<SecretString>(
      probe.candidate->DevKeyFor(probe.slot.organization_id).Clone());
  parts_.executor.Run(
      [this, key, candidate = probe.candidate, attempt = std::move(attempt)]() mutable {
        SendProbe(key, candidate, std::move(attempt));
      });
}

void SessionManager::SendProbe(const Key& key, const CredentialPtr& candidate, Attempt attempt) {
  if (absl::Status noted = parts_.observer.SignInStarts(FactsOf(attempt)); !noted.ok()) {
    return OnProbeNotSent(key, attempt, noted);
  }
  parts_.store.RecordAttempt(attempt.record, [this, &executor = parts_.executor, key, candidate,
                                              attempt](const absl::Status&) {
    executor.Run([this, key, candidate, attempt] {
      FaultPoint("probe.before_send");
      Send(candidate, attempt, [this, key, attempt](BillResult<SignInAnswer> result) {
        FaultPoint("probe.answered");
        OnProbed(key, attempt, std::move(result));
      });
      FaultPoint("probe.sent");
    });
  });  // as in LoadAndSend()
}

void SessionManager::OnProbeNotSent(const Key& key, const Attempt& attempt,
                                    const absl::Status& error) {
  Later later;
  MutexLock lock(mutex_);
  CancelAttempt(attempt);
  --sign_ins_;
  Probing& probe = *probes_.find(key)->second;
  SessionSlot* slot =
      FindSlot(SlotKey(probe.slot.credential->uid, probe.slot.organization_id).text());
  if (slot != nullptr) --slot->sign_ins;
  EndProbe(probe, {ProbeVerdict::kNotTried, error, nullptr}, later);
  Dispatch(later);
}

void SessionManager::OnProbed(const Key& key, const Attempt& attempt,
                              BillResult<SignInAnswer> result) {
  Later later;
  MutexLock lock(mutex_);
  EndAttempt(attempt, EndingOf(result.ok() ? nullptr : &result.error(), attempt.forced));
  Probing& probe = *probes_.find(key)->second;
  if (result.ok()) {
    SessionPtr session = MakeSession(probe.slot, attempt, std::move(result.value()), later);
    LiftQuarantine(attempt);
    NotePartnerWorked(attempt);
    KeepProbedPartner(probe);
    EndProbe(probe, {ProbeVerdict::kAccepted, absl::OkStatus(), std::move(session)}, later);
  } else {
    const BillError& error = result.error();
    absl::Status status = error.verdict == Verdict::kRateLimited
                              ? Park(probe.slot, attempt.place.applicant.dev_key, error, later)
                              : Judge(probe.slot, attempt, error);
    const bool quarantined =
        quarantine_.Find(*attempt.credential, probe.slot.organization_id, parts_.clock.SinceBoot())
            .has_value();
    later.Add([this, facts = FactsOf(attempt), status] {
      parts_.observer.SignInEnded(facts, status, 0);
    });
    EndProbe(probe, {VerdictOf(error, quarantined), std::move(status), nullptr}, later);
    if (quarantined) DropHopeless(attempt.place.applicant, later);
  }
  Dispatch(later);
}

void SessionManager::AdoptProbed(absl::string_view uid, const SessionPtr& session) {
  Later later;
  MutexLock lock(mutex_);
  SessionSlot* slot = FindSlot(SlotKey(uid, session->organization_id).text());
  const bool late = slot == nullptr || slot->removed ||
                    session->deadline <= parts_.clock.SinceBoot() || IsVoid(*slot, *session);
  if (late) return Retire(session, absl::ZeroDuration());
  if (slot->activity == SessionSlot::Activity::kQueued) {
    governor_.Withdraw(slot->key);
    slot->activity = SessionSlot::Activity::kIdle;
  }
  Install(*slot, session, later);
}

void SessionManager::DiscardProbed(const SessionPtr& session) {
  Retire(session, absl::ZeroDuration());
}

void SessionManager::Retire(const SessionPtr& session, absl::Duration grace) {
  parts_.executor.RunAfter(grace, [this, session] {
    parts_.observer.LogOutStarts(*session);
    parts_.bill.SignOut(
        SessionKeys(session->keys), [this, session](const BillResult<SignedOut>& result) {
          parts_.observer.LogOutEnded(
              *session, result.ok() ? absl::OkStatus() : NotSignedOut(*session, result.error()));
        });
  });
}

}  // namespace billbroker
