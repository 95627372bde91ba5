// Read-only views of the session manager: listings, counts and budgets.
#include "server/session/session_views.h"

#include <algorithm>

#include "server/session/session_core.h"
#include "server/session/slot_errors.h"

namespace billbroker {

SlotInfo SessionManager::Core::Describe(LockedSessions& state, const SessionSlot& slot) {
  const absl::Duration now = shared.now();
  SignInRules& rules = state->rules;
  SlotInfo info;
  info.organization_id = slot.organization_id();
  info.credential = slot.credential->name;
  info.generation = slot.session.generation();
  info.waiting_callers = static_cast<int>(slot.waiters.size());
  info.sign_ins = slot.sign_ins;
  info.quarantine =
      rules.quarantined.quarantine().Find(*slot.credential, slot.organization_id(), now);
  const DevKeyBudgetId dev_key = ToDevKeyBudgetId(*slot.credential, slot.organization_id());
  absl::Duration retry =
      std::max(rules.backoffs.NotBefore(slot.id), rules.budget.SuspendedUntil(dev_key));
  if (slot.credential->kind == CredentialKind::kPartner) {
    retry = std::max({retry, rules.backoffs.NotBefore({slot.id.credential_uid, ""}),
                      rules.budget.SuspendedUntil(ToAppKeyBudgetId(*slot.credential))});
  }
  if (rules.scheduler.queue().Find(slot.id) != nullptr) {
    retry = std::max(retry, rules.scheduler.EstimateStart(slot.id, now).start);
  }
  if (retry > now) info.retry_time = shared.parts.clock.Now() + (retry - now);
  if (slot.session.IsLive(now)) info.session = slot.session.get();
  if (slot.activity == SessionSlot::Activity::kSigningIn) {
    info.state = SlotState::kSigningIn;
  } else if (rules.scheduler.queue().Find(slot.id) != nullptr) {
    info.state = SlotState::kQueued;
  } else if (slot.activity == SessionSlot::Activity::kChecking) {
    info.state = SlotState::kChecking;
  } else if (info.session != nullptr) {
    info.state = SlotState::kLive;
  } else if (info.quarantine.has_value()) {
    info.state = SlotState::kQuarantined;
  } else if (info.retry_time.has_value()) {
    info.state = SlotState::kBackingOff;
  }
  return info;
}

std::vector<SlotInfo> SessionManager::ListOf(absl::string_view uid,
                                             absl::string_view after_organization,
                                             std::size_t max) const {
  std::vector<SlotInfo> page;
  LockedSessions state(core_->shared);
  state->slots.ForEachOf(uid, after_organization, [&](SessionSlot& slot) {
    if (page.size() >= max) return false;
    page.push_back(core_->Describe(state, slot));
    return true;
  });
  return page;
}

std::vector<SlotInfo> SessionManager::List(absl::string_view after_organization,
                                           absl::string_view after_credential,
                                           std::size_t max) const {
  std::vector<SlotInfo> page;
  LockedSessions state(core_->shared);
  state->slots.ForEachAfter(after_organization, after_credential, [&](SessionSlot& slot) {
    if (page.size() >= max) return false;
    page.push_back(core_->Describe(state, slot));
    return true;
  });
  return page;
}

absl::StatusOr<SessionPtr> SessionManager::Peek(absl::string_view organization_id,
                                                absl::string_view credential) {
  const absl::StatusOr<CredentialInfoPtr> found =
      core_->shared.parts.credentials.Find(organization_id, credential);
  if (!found.ok()) return found.status();
  LockedSessions state(core_->shared);
  const SessionSlot& slot = core_->FindOrCreate(state, *found, organization_id);
  if (slot.session.IsLive(core_->shared.now()) &&
      !slot.session.NeedsCheck(core_->shared.parts.clock.Now())) {
    return slot.session.get();
  }
  const absl::Status refusal = core_->dispatcher.CheckAllowed(state, slot);
  return refusal.ok() ? NoLiveSession(slot) : refusal;
}

Rollout SessionManager::RolloutOf(absl::string_view uid) const {
  Rollout rollout;
  ForEachSlotOf(core_->shared, uid, [&](LockedSessions& /*state*/, const SessionSlot& slot) {
    if (!slot.session.IsLive(core_->shared.now())) return;
    ++rollout.live;
    if (!slot.IsOutdated()) ++rollout.current;
  });
  return rollout;
}

std::vector<DevKeyUse> SessionManager::Budgets() const {
  LockedSessions state(core_->shared);
  const SignInQueue& queue = state->rules.scheduler.queue();
  return state->rules.budget.Uses(
      core_->shared.now(), [&queue](const DevKeyBudgetId& id) { return queue.CountSlotsOn(id); });
}

SessionCounts SessionManager::Counts() const {
  LockedSessions state(core_->shared);
  SessionCounts counts;
  counts.live = state->held_sessions;
  // Maintenance has not forgotten these yet.
  state->slots.ForEachDue(core_->shared.now(), [&](const SessionSlot& slot) {
    if (slot.session.get() != nullptr && !slot.session.IsLive(core_->shared.now())) --counts.live;
  });
  counts.signing_in = state->rules.concurrency.under_way();
  counts.queued = state->rules.scheduler.queue().CountSlots();
  counts.quarantined = state->rules.quarantined.quarantine().size();
  counts.sign_ins = state->sign_ins;
  counts.failed_sign_ins = state->failed_sign_ins;
  return counts;
}

}  // namespace billbroker
