#include "server/session/slot_table.h"

#include <utility>

namespace billbroker {

SessionSlot& SlotTable::FindOrCreate(const CredentialInfoPtr& credential,
                                     absl::string_view organization_id) {
  SessionSlot* slot = Find({credential->uid, organization_id});
  if (slot == nullptr) {
    auto made = std::make_unique<SessionSlot>(SlotId{credential->uid, std::string(organization_id)},
                                              credential);
    // A slot may be erased and made again while a caller still holds the id of a waiter.
    constexpr int kIdBitsOfASlot = 32;
    made->waiters.ContinueAfter(++made_ << kIdBitsOfASlot);
    slot = made.get();
    by_credential_[credential->uid].insert(slot);
    listed_.insert(slot);
    slots_.emplace(slot->id.view(), std::move(made));
  }
  if (slot->credential->version < credential->version) slot->credential = credential;
  return *slot;
}

SessionSlot* SlotTable::Find(SlotIdView id) const {
  const auto found = slots_.find(id);
  return found == slots_.end() ? nullptr : found->second.get();
}

void SlotTable::Erase(const SlotId& id) {
  const auto found = slots_.find(id.view());
  if (found == slots_.end()) return;
  SessionSlot& slot = *found->second;
  ScheduleMaintenance(slot, absl::InfiniteDuration());
  listed_.erase(&slot);
  const auto of_credential = by_credential_.find(slot.id.credential_uid);
  of_credential->second.erase(&slot);
  if (of_credential->second.empty()) by_credential_.erase(of_credential);
  const auto held = slots_.extract(found);  // the key lives as long as the slot
}

void SlotTable::ForEachOf(absl::string_view uid, absl::string_view organization_id,
                          const std::function<bool(SessionSlot&)>& visit) const {
  const auto found = by_credential_.find(uid);
  if (found == by_credential_.end()) return;
  const auto& slots = found->second;
  auto at = organization_id.empty() ? slots.begin() : slots.upper_bound(organization_id);
  for (; at != slots.end(); ++at) {
    if (!visit(**at)) return;
  }
}

void SlotTable::ForEachAfter(absl::string_view organization_id, absl::string_view credential,
                             const std::function<bool(SessionSlot&)>& visit) const {
  // No uid is as large as this one.
  const ListKey last = {organization_id, credential, organization_id.empty() ? "" : "\xff"};
  for (auto at = listed_.upper_bound(last); at != listed_.end(); ++at) {
    if (!visit(**at)) return;
  }
}

void SlotTable::ScheduleMaintenance(SessionSlot& slot, absl::Duration when) {
  if (slot.next_maintenance == when) return;
  if (slot.next_maintenance != absl::InfiniteDuration()) agenda_.erase(&slot);
  slot.next_maintenance = when;
  if (when != absl::InfiniteDuration()) agenda_.insert(&slot);
}

SessionSlot* SlotTable::TakeDue(absl::Duration now) {
  if (agenda_.empty() || (*agenda_.begin())->next_maintenance > now) return nullptr;
  SessionSlot* slot = *agenda_.begin();
  ScheduleMaintenance(*slot, absl::InfiniteDuration());
  return slot;
}

void SlotTable::ForEachDue(absl::Duration now,
                           const std::function<void(const SessionSlot&)>& visit) const {
  for (auto at = agenda_.begin(); at != agenda_.end() && (*at)->next_maintenance <= now; ++at) {
    visit(**at);
  }
}

}  // namespace billbroker
