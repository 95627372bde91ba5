#include "server/session/session_core.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/session/rules/retry_time.h"
#include "server/session/slot_errors.h"
#include "server/session/slot_restore.h"
#include "vault/base/error.h"

namespace billbroker {

absl::StatusOr<CredentialInfoPtr> SessionManager::Core::FindFor(absl::string_view organization_id,
                                                                absl::string_view credential,
                                                                const SessionDemand& demand) const {
  const absl::Duration longest = shared.options.idle_window / 2;
  if (demand.min_remaining > longest) {
    return Malformed("min_remaining",
                     absl::StrCat("must be at most ", absl::FormatDuration(longest),
                                  ", half of the idle window"));
  }
  if (demand.cached_only &&
      (demand.stale_generation != 0 || demand.min_remaining > absl::ZeroDuration())) {
    return Malformed("cached_only", "cannot be combined with stale_generation or min_remaining");
  }
  return shared.parts.credentials.Find(organization_id, credential);
}

SessionSlot* SessionManager::Core::Find(LockedSessions& state, const CredentialInfoPtr& credential,
                                        absl::string_view organization_id) {
  if (!state->unclaimed.rows.empty()) {
    RestoreUnclaimed(shared, state, slots, dispatcher, credential, organization_id);
  }
  return state->slots.Find({credential->uid, organization_id});
}

SessionSlot& SessionManager::Core::FindOrCreate(LockedSessions& state,
                                                const CredentialInfoPtr& credential,
                                                absl::string_view organization_id) {
  if (!state->unclaimed.rows.empty()) (void)Find(state, credential, organization_id);
  return state->slots.FindOrCreate(credential, organization_id);
}

bool SessionManager::Core::IsSuspected(LockedSessions& state, const SessionSlot& slot,
                                       absl::Duration now) const {
  // Every session is checked or over an idle window after the suspicion.
  if (state->end_reports.IsQuietSince(now - shared.options.idle_window)) return false;
  return slot.session.last_asked() < state->end_reports.SuspectedSince(ToDevKeyBudgetId(
                                         *slot.credential, slot.organization_id()));
}

absl::optional<absl::StatusOr<SessionPtr>> SessionManager::Core::FindInMemory(
    LockedSessions& state, SessionSlot& slot, const SessionDemand& demand, absl::Duration now) {
  if (!slot.session.IsLive(now)) {
    if (demand.cached_only) return NoLiveSession(slot);
    return absl::nullopt;
  }
  const absl::Time wall = shared.parts.clock.Now();
  if (slot.session.get()->deadline - now < demand.min_remaining || slot.session.NeedsCheck(wall) ||
      slot.session.IsReportedDead(demand.stale_generation, now) || IsSuspected(state, slot, now)) {
    return absl::nullopt;
  }
  if (slot.session.FollowWallClock(now, wall)) slots.Save(state, slot);
  const SessionPtr& session = slot.session.get();
  if (demand.require_trusted && !session->trusted) return MfaRequired(slot);
  return session;
}

WaiterQueue::Id SessionManager::Core::Wait(LockedSessions& state, SessionSlot& slot,
                                           Waiter waiter) {
  const absl::Duration now = shared.now();
  const bool sign_in = waiter.force != SignInForce::kNone || !slot.session.IsLive(now);
  const bool idle = slot.activity == SessionSlot::Activity::kIdle;
  if (idle && !sign_in && slot.session.IsReportedDead(waiter.demand.stale_generation, now)) {
    const std::string& principal = waiter.demand.principal;
    if (!state->stale_reports.Take(principal, now)) {
      const absl::Duration until = now + state->stale_reports.RetryAfter(principal, now);
      state.Defer(
          [done = std::move(waiter.done),
           error = TooManyReports(slot, RetryAfter(until, now, shared.parts.random))]() mutable {
            done(error);
          });
      return 0;
    }
    slot.charged_report = principal;
    if (!std::exchange(slot.in_doubt, true)) slots.Save(state, slot);
  }
  waiter.gives_up = now + waiter.demand.patience;
  const WaiterQueue::Id id = slot.waiters.Add(std::move(waiter));
  if (slot.activity == SessionSlot::Activity::kQueued || (idle && sign_in)) {
    state->WantSignIn(slot, SignInPurpose::kCaller);
  } else if (idle) {
    checks.Start(state, slot);
  }
  if (state->draining) state->awaited_checks.push_back(slot.id);
  return id;
}

void SessionManager::Core::Cancel(LockedSessions& state, const WaitingCall& call) {
  SessionSlot* slot = state->slots.Find(call.slot.view());
  if (slot == nullptr) return;
  absl::optional<Waiter> waiter = slot->waiters.Remove(call.waiter);
  if (!waiter.has_value()) return;
  state.Defer([done = std::move(waiter->done)]() mutable {
    done(absl::CancelledError("the caller left"));
  });
  if (slot->activity != SessionSlot::Activity::kQueued) return;
  if (!slot->waiters.empty()) return state->WantSignIn(*slot, SignInPurpose::kCaller);
  // An earlier caller that received a retry time keeps the place.
  state->rules.scheduler.StopWaiting(slot->id, shared.now());
  slot->activity = SessionSlot::Activity::kIdle;
  if (slot->place_stored) slots.Save(state, *slot);
  state->slots.ScheduleMaintenance(*slot, shared.now());
  state->dispatch = true;
}

}  // namespace billbroker
