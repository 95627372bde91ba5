#include "server/session/maintenance_runner.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "server/session/session_maintenance.h"
#include "server/session/slot_errors.h"
#include "server/session/slot_restore.h"

namespace billbroker {
namespace {

constexpr absl::Duration kInterval = absl::Seconds(5);

}  // namespace

void MaintenanceRunner::Run() {
  bool done = false;
  while (!done) {
    LockedSessions state(shared_);
    done = RunSome(state);
  }
  {
    LockedSessions state(shared_);
    state->partners.EraseIdle(shared_.now(), [&state](const PartnerId& id) {
      return state->rules.scheduler.queue().Find(id) != nullptr;
    });
    state->journal.ForgetOldAttempts();
    VisitUnclaimed(shared_, state, slots_, dispatcher_);
    // A claim ends without an event of its own: the dispatcher drops it.
    if (state->rules.scheduler.queue().CountSlots() > 0) state->dispatch = true;
  }
  shared_.parts.executor.RunAfter(kInterval, [this] { Run(); });
}

bool MaintenanceRunner::RunSome(LockedSessions& state) {
  for (int visited = 0; visited < kSlotsPerHold; ++visited) {
    SessionSlot* const slot = state->slots.TakeDue(shared_.now());
    if (slot == nullptr) return true;
    Maintain(state, *slot);
    if (!slot->session.IsLive(shared_.now())) continue;
    // Neither a check under way nor a retry delays the visit at the session's deadline.
    state->slots.ScheduleMaintenance(
        *slot, std::min(slot->next_maintenance, slot->session.get()->deadline));
  }
  return false;
}

bool MaintenanceRunner::IsWarm(LockedSessions& state, const SessionSlot& slot) const {
  return !slot.signed_out && state->warm.Contains(slot.organization_id(), slot.credential->name);
}

SlotView MaintenanceRunner::View(LockedSessions& state, const SessionSlot& slot) const {
  SlotView view;
  view.busy = slot.activity != SessionSlot::Activity::kIdle;
  view.warm = IsWarm(state, slot);
  view.next_keep_alive = slot.next_keep_alive;
  view.last_demand = slot.last_demand;
  view.backoff_until = state->rules.backoffs.NotBefore(slot.id);
  if (slot.signing_out != nullptr) view.signing_out_deadline = slot.signing_out->deadline;
  if (const SessionPtr& session = slot.session.get(); session != nullptr) {
    view.has_session = true;
    view.deadline = session->deadline;
    view.needs_check = slot.session.NeedsCheck(shared_.parts.clock.Now());
    view.backoff_until = std::max(view.backoff_until, slot.keep_alive_paused_until);
    if (slot.session.IsUnverified()) view.next_keep_alive = shared_.now();
    view.outdated = slot.IsOutdated();
  } else if (view.warm) {
    view.allowed = dispatcher_.CheckAllowed(state, slot).ok();
  }
  return view;
}

void MaintenanceRunner::Maintain(LockedSessions& state, SessionSlot& slot) {
  const absl::Duration now = shared_.now();
  const MaintenanceLimits limits = {shared_.options.keep_alive,
                                    shared_.options.sliding && shared_.options.check_slides};
  if (slot.signing_out != nullptr && slot.signing_out->deadline <= now) slot.signing_out = nullptr;
  if (slot.session.get() != nullptr && !slot.session.IsLive(now)) {
    slots_.Forget(state, slot, "idle");
  }
  SlotView view = View(state, slot);
  MaintenanceStep step = NextStep(view, limits, now);
  if (step.kind == MaintenanceStep::Kind::kReplace) {
    if (dispatcher_.TryReplace(state, slot)) {
      return state->slots.ScheduleMaintenance(slot, now + kMaintenanceRetry);
    }
    view.replace_failed = true;
    step = NextStep(view, limits, now);
  }
  switch (step.kind) {
    case MaintenanceStep::Kind::kSignIn:
      return state->WantSignIn(slot, SignInPurpose::kWarm);
    case MaintenanceStep::Kind::kCheck:
      return StartKeepAlive(state, slot, step.when);
    default:
      return state->slots.ScheduleMaintenance(slot, step.when);
  }
}

void MaintenanceRunner::StartKeepAlive(LockedSessions& state, SessionSlot& slot,
                                       absl::Duration otherwise) {
  const absl::Duration now = shared_.now();
  const DevKeyBudgetId dev_key = ToDevKeyBudgetId(*slot.credential, slot.organization_id());
  if (!state->keep_alive_calls.Take(dev_key.dev_key_id, now)) {
    return state->slots.ScheduleMaintenance(slot, otherwise);
  }
  checks_.StartKeepAlive(state, slot);
}

void MaintenanceRunner::WarmUp(const CredentialInfoPtr& credential) {
  auto at = credential->organizations.begin();
  const auto end = credential->organizations.end();
  while (at != end) {
    LockedSessions state(shared_);
    if (!state->rules.vault.restored()) return;
    for (int visited = 0; visited < kSlotsPerHold && at != end; ++visited, ++at) {
      WarmUp(state, credential, at->first);
    }
  }
}

void MaintenanceRunner::WarmUp(LockedSessions& state, const CredentialInfoPtr& credential,
                               const std::string& organization_id) {
  const bool prewarmed =
      shared_.options.prewarm_all || shared_.options.prewarm.contains(organization_id);
  const bool warm = state->warm.Contains(organization_id, credential->name);
  if (!prewarmed && !warm) return;
  SessionSlot& slot = state->slots.FindOrCreate(credential, organization_id);
  if (slot.session.IsLive(shared_.now())) {  // perhaps restored, and to be checked
    return state->slots.ScheduleMaintenance(slot, shared_.now());
  }
  if (slot.signed_out || slot.activity != SessionSlot::Activity::kIdle) return;
  if (prewarmed) slot.last_demand = shared_.now();
  if (!dispatcher_.CheckAllowed(state, slot).ok()) return;
  state->WantSignIn(slot, warm ? SignInPurpose::kWarm : SignInPurpose::kPrewarm);
}

void MaintenanceRunner::FollowCredential(const CredentialInfoPtr& before,
                                         const CredentialInfoPtr& after) {
  if (before != nullptr) {
    ForEachSlotOf(shared_, before->uid, [&](LockedSessions& state, SessionSlot& slot) {
      FollowCredential(state, slot, *before, after);
    });
  }
  {
    LockedSessions state(shared_);
    if (before != nullptr && !state->store_read) NoteRemoved(state, before, after.get());
    if (before != nullptr) FollowPartner(state, *before, after.get());
  }
  if (after != nullptr) RestoreUnclaimed(shared_, slots_, dispatcher_, after);
  {
    LockedSessions state(shared_);
    NotifyWatcher(state, before, after);
  }
  if (after != nullptr) WarmUp(after);
}

void MaintenanceRunner::NoteRemoved(LockedSessions& state, const CredentialInfoPtr& before,
                                    const CredentialInfo* after) {
  const bool same = after != nullptr && after->uid == before->uid;
  for (const auto& [organization_id, dev_key_id] : before->organizations) {
    if (same && after->organizations.contains(organization_id)) continue;
    state->removed_before_restore.insert_or_assign({before->uid, organization_id}, before);
  }
}

void MaintenanceRunner::FollowPartner(LockedSessions& state, const CredentialInfo& before,
                                      const CredentialInfo* after) {
  const absl::optional<PartnerId> partner = ToPartnerId(before);
  if (partner.has_value()) state->rules.backoffs.Clear({before.uid, ""});
  if (partner.has_value() && (after == nullptr || ToPartnerId(*after) != partner)) {
    state->rules.scheduler.Withdraw(*partner, shared_.now());
    state->partners.Erase(*partner);
  }
  state->dispatch = true;
}

void MaintenanceRunner::NotifyWatcher(LockedSessions& state, const CredentialInfoPtr& before,
                                      const CredentialInfoPtr& after) {
  if (shared_.watcher == nullptr) return;
  state.Defer([watcher = shared_.watcher, before, after] {
    // Notify the old organizations too: removing one may have resolved an ambiguity with another
    // credential.
    for (const CredentialInfoPtr& info : {before, after}) {
      if (info == nullptr) continue;
      for (const auto& [organization_id, dev_key_id] : info->organizations) {
        watcher->SessionChanged(organization_id);
      }
    }
  });
}

void MaintenanceRunner::FollowCredential(LockedSessions& state, SessionSlot& slot,
                                         const CredentialInfo& before,
                                         const CredentialInfoPtr& after) {
  const bool same = after != nullptr && after->uid == slot.id.credential_uid;
  const bool back = same && after->version < slot.credential->version;
  // The notification is late, unless the version went back: a restored backup of the keyring.
  if (back && before.version != slot.credential->version) return;
  const absl::Duration now = shared_.now();
  if (same && after->organizations.contains(slot.organization_id())) {
    slot.credential = after;
    slot.removed = false;
    state->rules.backoffs.Clear(slot.id);
    if (slot.session.IsLive(now) && slot.IsRevoked(*slot.session.get())) {
      slots_.SignOutUnasked(state, slot, slot.session.get());
    }
    if (slot.session.IsLive(now) && slot.IsOutdated()) {
      state->slots.ScheduleMaintenance(slot, now);
    }
    if (slot.activity == SessionSlot::Activity::kQueued) {  // perhaps of another devKey or secret
      SignInScheduler& scheduler = state->rules.scheduler;
      const SignInQueue::Order order = scheduler.queue().Find(slot.id)->order;
      scheduler.Enqueue(slot.id, dispatcher_.MakeCandidate(state, slot, order.first), now,
                        order.second);
      state->refuse_impatient.emplace_back(slot.id);
    }
    return;
  }
  if (slot.session.IsLive(now)) {
    slots_.SignOutUnasked(state, slot, slot.session.get());
  } else if (slot.session.get() != nullptr) {
    slots_.Forget(state, slot, "idle");
  }
  slot.removed = true;
  const bool at_bill = slot.activity == SessionSlot::Activity::kChecking ||
                       slot.activity == SessionSlot::Activity::kSigningIn;
  if (!at_bill) slots_.FailWaiters(state, slot, Removed(slot));
}

}  // namespace billbroker
