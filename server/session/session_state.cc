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

absl::Duration Suspend(const SessionParts& parts, SessionState& state,
                       const DevKeyBudgetId& dev_key, const BillError& error) {
  const absl::Time wall = parts.clock.Now();
  const absl::Duration wait =
      SuspensionTime(error.retry_after, error.bill_time.value_or(wall), parts.random);
  const absl::Duration until = parts.clock.SinceBoot() + wait;
  state.rules.budget.Suspend(dev_key, until);
  state.journal.WriteSoon(StoredSuspension{dev_key, {wall + wait, until}});
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
