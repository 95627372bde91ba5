#include "server/session/session_checks.h"

#include <string>
#include <utility>

#include "server/bill/refusal.h"
#include "server/session/rules/retry_time.h"
#include "server/session/slot_errors.h"

namespace billbroker {
namespace {

constexpr int kToleratedEarlyEnds = 1;
constexpr int kUnauthorized = 401;
// A restored session is returned to callers if its check takes longer than this.
constexpr absl::Duration kSlowCheck = absl::Seconds(2);
constexpr absl::Duration kSuspendedKeepAlive = absl::Minutes(5);

}  // namespace

void SessionChecks::Start(LockedSessions& state, SessionSlot& slot) {
  const absl::Duration now = shared_.now();
  if (state->rules.breaker.IsOpen(slot.credential->environment)) ServeUnaffected(state, slot);
  if (const absl::optional<absl::Status> error = state->rules.backoffs.Find(slot.id, now)) {
    ServeUnaffected(state, slot);
    ForgiveReport(state, slot);
    return slots_.FailWaiters(state, slot, *error);
  }
  const DevKeyBudgetId dev_key = ToDevKeyBudgetId(*slot.credential, slot.organization_id());
  const absl::Duration suspended = state->rules.budget.ChecksSuspendedUntil(dev_key);
  if (suspended > now) {
    ServeUnaffected(state, slot);
    ForgiveReport(state, slot);
    return slots_.FailWaiters(state, slot,
                              RateLimited(slot, RetryAfter(suspended, now, shared_.parts.random)));
  }
  Send(state, slot);
}

void SessionChecks::StartKeepAlive(LockedSessions& state, SessionSlot& slot) { Send(state, slot); }

void SessionChecks::Send(LockedSessions& state, SessionSlot& slot) {
  slot.activity = SessionSlot::Activity::kChecking;
  if (slot.session.NeedsCheck(absl::InfinitePast())) {
    shared_.parts.executor.RunAfter(
        kSlowCheck, [this, id = slot.id, session = slot.session.get()] { OnSlow(id, session); });
  }
  state.Defer([this, id = slot.id, session = slot.session.get(), now = shared_.now()] {
    shared_.parts.bill.GetSessionInfo(
        session->keys, [this, id, session, now](const BillResult<SessionInfo>& result) {
          OnChecked(id, session, now, result);
        });
  });
}

void SessionChecks::OnSlow(const SlotId& id, const SessionPtr& session) {
  LockedSessions state(shared_);
  SessionSlot* slot = state->slots.Find(id.view());
  if (slot == nullptr || slot->activity != SessionSlot::Activity::kChecking) return;
  if (slot->session.get() == session) ServeUnaffected(state, *slot);
}

void SessionChecks::ServeUnaffected(LockedSessions& state, SessionSlot& slot) {
  if (!slot.session.IsLive(shared_.now())) return;
  if (slot.session.ServeUnverified(shared_.parts.clock.Now())) {
    slots_.Save(state, slot);
    slots_.NotifyWatcher(state, slot);
    slot.next_keep_alive = shared_.now();  // it is checked as soon as BILL answers
  }
  if (slot.session.NeedsCheck(shared_.parts.clock.Now())) return;
  slot.session.NoteAsked(shared_.now());
  slots_.AnswerUnaffected(state, slot);
}

void SessionChecks::OnChecked(const SlotId& id, const SessionPtr& session, absl::Duration sent,
                              const BillResult<SessionInfo>& result) {
  if (!result.ok()) {
    const BillError& error = result.error();
    shared_.parts.observer.CheckFailed(*session, error.detail);
    // A 401 that BILL gives without a code that is known means that the session ended. A gateway's
    // does not.
    if (error.http_status == kUnauthorized && !VerdictOfCode(error.code).has_value()) {
      gateway_.AskIfByGateway(session->keys.environment, error,
                              [this, id, session, sent, error](bool by_gateway) {
                                Conclude(id, session, sent, error, !by_gateway);
                              });
      return;
    }
  }
  Conclude(id, session, sent, result, false);
}

void SessionChecks::Conclude(const SlotId& id, const SessionPtr& session, absl::Duration sent,
                             const BillResult<SessionInfo>& result, bool ended) {
  LockedSessions state(shared_);
  SessionSlot& slot = *state->slots.Find(id.view());  // it stays while a check is under way
  slot.activity = SessionSlot::Activity::kIdle;
  End(state, slot, session, sent, result, ended);
  ForgiveReport(state, slot);  // unless BILL confirmed the session
}

void SessionChecks::End(LockedSessions& state, SessionSlot& slot, const SessionPtr& session,
                        absl::Duration sent, const BillResult<SessionInfo>& result, bool ended) {
  if (slot.removed) return slots_.FailWaiters(state, slot, Removed(slot));
  if (!slot.session.IsSameAtBill(*session)) {
    // The session was replaced or signed out during the check: the callers get a newer one.
    if (slot.session.IsLive(shared_.now())) return slots_.AnswerWaiters(state, slot, true);
    return state->WantSignIn(slot, SignInPurpose::kCaller);
  }
  if (result.ok()) return OnConfirmed(state, slot, session, sent, result.value());
  if (ended) return OnEnded(state, slot);
  OnFailed(state, slot, result.error());
}

void SessionChecks::OnConfirmed(LockedSessions& state, SessionSlot& slot, const SessionPtr& session,
                                absl::Duration sent, SessionInfo info) {
  if (info.organization_id != slot.organization_id()) {
    BillError mismatch;
    mismatch.detail = "the answer is about another organization";
    if (slot.session.NeedsCheck(absl::InfinitePast())) {
      slots_.Forget(state, slot, "BILL reports another organization for it");
    }
    return Fail(state, slot, mismatch);
  }
  slot.charged_report.reset();  // it was false
  // The result of a step-up that ended after the check was sent is newer.
  if (slot.session.get() != session) info.trusted = slot.session.get()->trusted;
  slot.session.Renew(info, sent, shared_.LimitsFor(*slot.credential), shared_.parts.clock);
  slot.in_doubt = false;
  state->rules.backoffs.Clear(slot.id);
  slots_.PlanKeepAlive(state, slot);
  if (!slot.session.IsLive(shared_.now())) {
    slots_.Forget(state, slot, "idle");
    return state->WantSignIn(slot, SignInPurpose::kCaller);
  }
  slots_.Save(state, slot);
  slots_.NotifyWatcher(state, slot);
  slots_.AnswerWaiters(state, slot, false);
}

void SessionChecks::OnFailed(LockedSessions& state, SessionSlot& slot, const BillError& error) {
  switch (error.verdict) {
    case Verdict::kSessionInvalid:
    // The session is unusable as well. The next sign-in reports the actual error.
    case Verdict::kDevKeyRejected:
    case Verdict::kOrganizationRejected:
    case Verdict::kOrganizationLocked:
    case Verdict::kUserLocked:
      return OnEnded(state, slot);
    case Verdict::kRateLimited: {
      const DevKeyBudgetId dev_key = ToDevKeyBudgetId(*slot.credential, slot.organization_id());
      const absl::Duration now = shared_.now();
      const absl::Duration until = SuspendWithChecks(shared_.parts, *state, dev_key, error);
      slot.keep_alive_paused_until = now + kSuspendedKeepAlive;
      ServeUnaffected(state, slot);
      slots_.FailWaiters(state, slot,
                         RateLimited(slot, RetryAfter(until, now, shared_.parts.random)));
      for (const CandidateId& id : state->rules.scheduler.queue().FindOnDevKey(dev_key)) {
        state->refuse_impatient.push_back(id);
      }
      return;
    }
    default:
      return Fail(state, slot, error);
  }
}

void SessionChecks::Fail(LockedSessions& state, SessionSlot& slot, const BillError& error) {
  const absl::Status status =
      BackOff(*state, slot.id, slot.credential->name, SlotBackoff::kTransient,
              Reason::kBillUnavailable, error, shared_.now());
  ServeUnaffected(state, slot);
  slots_.FailWaiters(state, slot, status);
}

void SessionChecks::OnEnded(LockedSessions& state, SessionSlot& slot) {
  const int early_ends = slot.session.CountEarlyEnd(shared_.now());
  state->end_reports.Note(ToDevKeyBudgetId(*slot.credential, slot.organization_id()),
                          slot.session.last_asked(), shared_.now());
  slots_.Forget(state, slot, "BILL reports it invalid");
  if (early_ends > kToleratedEarlyEnds) {
    BillError ended;
    ended.code = "BDC_1109";
    ended.detail = "it ends right after each sign-in";
    const absl::Status error =
        BackOff(*state, slot.id, slot.credential->name, SlotBackoff::kGrowing,
                Reason::kSessionUnstable, ended, shared_.now());
    return slots_.FailWaiters(state, slot, error);
  }
  state->slots.ScheduleMaintenance(slot, shared_.now());
  state->WantSignIn(slot, SignInPurpose::kCaller);
}

void SessionChecks::ForgiveReport(LockedSessions& state, SessionSlot& slot) {
  const absl::optional<std::string> principal = std::exchange(slot.charged_report, absl::nullopt);
  if (principal.has_value()) state->stale_reports.GiveBack(*principal, shared_.now());
}

}  // namespace billbroker
