#include "server/session/session_state.h"

namespace billbroker {

// A tenth of an hourly limit may come at once.
SessionState::SessionState(const SessionManagerOptions& options, const SessionParts& parts)
    : rules(options, parts.vault_health, parts.random, partners),
      journal(parts.clock, parts.store),
      keep_alive_calls(options.keep_alive_calls_per_hour * 0.9,
                       options.keep_alive_calls_per_hour * 0.1),
      stale_reports(options.stale_reports_per_hour * 0.9, options.stale_reports_per_hour * 0.1) {}

absl::Status BackOff(SessionState& state, const SlotId& slot, absl::string_view credential,
                     SlotBackoff kind, Reason reason, const BillError& error, absl::Duration now) {
  return state.rules.backoffs.BackOff(slot, kind,
                                      SignInFailed(slot.organization_id, credential, reason, error),
                                      error.retry_after, now);
}

namespace {

// Returns the end of the suspension that BILL's answer asks for.
absl::Duration SuspensionEnd(const SessionParts& parts, const BillError& error) {
  return parts.clock.SinceBoot() + SuspensionTime(error.retry_after,
                                                  error.bill_time.value_or(parts.clock.Now()),
                                                  parts.random);
}

void SaveSuspension(const SessionParts& parts, SessionState& state, const DevKeyBudgetId& dev_key) {
  const absl::Duration now = parts.clock.SinceBoot();
  const absl::Duration until = state.rules.budget.SuspendedUntil(dev_key);
  const bool checks = state.rules.budget.ChecksSuspendedUntil(dev_key) > now;
  state.journal.WriteSoon(
      StoredSuspension{dev_key, {parts.clock.Now() + (until - now), until}, checks});
}

}  // namespace

absl::Duration Suspend(const SessionParts& parts, SessionState& state,
                       const DevKeyBudgetId& dev_key, const BillError& error) {
  const absl::Duration until = SuspensionEnd(parts, error);
  state.rules.budget.Suspend(dev_key, until);
  SaveSuspension(parts, state, dev_key);
  return until;
}

absl::Duration SuspendWithChecks(const SessionParts& parts, SessionState& state,
                                 const DevKeyBudgetId& dev_key, const BillError& error) {
  const absl::Duration until = SuspensionEnd(parts, error);
  state.rules.budget.Suspend(dev_key, until);
  state.rules.budget.SuspendChecks(dev_key, until);
  SaveSuspension(parts, state, dev_key);
  return until;
}

SessionLimits SharedSessions::LimitsFor(const CredentialInfo& credential) const {
  return {credential.sync_token ? options.sync_token_idle_window : options.idle_window,
          options.max_session_age, options.safety_margin, options.sliding, options.check_slides};
}

void ForEachSlotOf(SharedSessions& shared, absl::string_view uid,
                   const std::function<void(LockedSessions&, SessionSlot&)>& visit) {
  std::string last;
  bool more = true;
  while (more) {
    LockedSessions state(shared);
    int visited = 0;
    more = false;
    state->slots.ForEachOf(uid, std::string(last), [&](SessionSlot& slot) {
      more = ++visited > kSlotsPerHold;
      if (more) return false;
      last = slot.organization_id();
      visit(state, slot);
      return true;
    });
  }
}

}  // namespace billbroker
