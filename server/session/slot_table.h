// SlotTable: all slots, by id, by credential, in listing order, and by their next maintenance.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/session/ids.h"
#include "server/session/session_slot.h"

namespace billbroker {

// Owns the slots. A lookup allocates nothing; no operation but a walk over one credential's slots
// depends on their number by more than its logarithm. Guarded by SessionManager.
class SlotTable final {
 public:
  // Returns the slot, which is made if it is new. Follows a newer version of `credential`.
  SessionSlot& FindOrCreate(const CredentialInfoPtr& credential, absl::string_view organization_id);
  // Returns null if there is no such slot.
  [[nodiscard]] SessionSlot* Find(SlotIdView id) const;
  // Deletes a slot. References to it are invalid afterwards.
  void Erase(const SlotId& id);

  // Calls `visit` with the slots of the credential `uid` that come after `organization_id`, in the
  // order of organizations, until it returns false; "": with all. `visit` must not create or erase
  // slots.
  void ForEachOf(absl::string_view uid, absl::string_view organization_id,
                 const std::function<bool(SessionSlot&)>& visit) const;

  // Calls `visit` with the slots that come after (organization, credential name), in this order,
  // until it returns false.
  void ForEachAfter(absl::string_view organization_id, absl::string_view credential,
                    const std::function<bool(SessionSlot&)>& visit) const;

  // Sets when maintenance visits the slot next; infinite: never.
  void ScheduleMaintenance(SessionSlot& slot, absl::Duration when);
  // Removes and returns a slot whose maintenance is due; null if none is.
  [[nodiscard]] SessionSlot* TakeDue(absl::Duration now);
  // Calls `visit` with each slot whose maintenance is due, and leaves it due.
  void ForEachDue(absl::Duration now, const std::function<void(const SessionSlot&)>& visit) const;

  [[nodiscard]] std::size_t size() const { return slots_.size(); }

 private:
  // Organization, credential name, credential uid.
  using ListKey = std::tuple<absl::string_view, absl::string_view, absl::string_view>;
  struct InListOrder {
    using is_transparent = void;

    static ListKey ToKey(const SessionSlot* slot) {
      return {slot->id.organization_id, slot->listed_name, slot->id.credential_uid};
    }
    static ListKey ToKey(const ListKey& key) { return key; }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return ToKey(a) < ToKey(b);
    }
  };

  struct ByTimeThenId {
    bool operator()(const SessionSlot* a, const SessionSlot* b) const {
      return std::tie(a->next_maintenance, a->id) < std::tie(b->next_maintenance, b->id);
    }
  };
  // The same walk gives the same order in each run: no order depends on an address.
  struct ByOrganization {
    using is_transparent = void;

    bool operator()(const SessionSlot* a, const SessionSlot* b) const {
      return a->id.organization_id < b->id.organization_id;
    }
    bool operator()(absl::string_view organization_id, const SessionSlot* slot) const {
      return organization_id < absl::string_view(slot->id.organization_id);
    }
    bool operator()(const SessionSlot* slot, absl::string_view organization_id) const {
      return absl::string_view(slot->id.organization_id) < organization_id;
    }
  };

  // The key borrows from SessionSlot::id.
  absl::flat_hash_map<SlotIdView, std::unique_ptr<SessionSlot>> slots_;
  absl::flat_hash_map<std::string, absl::btree_set<SessionSlot*, ByOrganization>>
      by_credential_;  // uid
  absl::btree_set<SessionSlot*, InListOrder> listed_;
  absl::btree_set<SessionSlot*, ByTimeThenId> agenda_;
  std::uint64_t made_ = 0;  // slots
};

}  // namespace billbroker
