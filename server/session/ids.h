// Typed ids of slots, BILL users and sign-in budgets. They are not interchangeable, and no part is
// ever parsed out of a joined string.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/types/variant.h"

namespace billbroker {

// Borrows the parts of a SlotId, so that a lookup allocates nothing.
struct SlotIdView {
  absl::string_view credential_uid;
  absl::string_view organization_id;

  friend bool operator==(const SlotIdView& a, const SlotIdView& b) {
    return a.credential_uid == b.credential_uid && a.organization_id == b.organization_id;
  }
  template <typename H>
  friend H AbslHashValue(H hash, const SlotIdView& id) {
    return H::combine(std::move(hash), id.credential_uid, id.organization_id);
  }
};

// One credential at one organization. The organization id is empty for the sign-in of a partner
// itself.
struct SlotId {
  std::string credential_uid;
  std::string organization_id;

  [[nodiscard]] SlotIdView view() const { return {credential_uid, organization_id}; }

  friend bool operator==(const SlotId& a, const SlotId& b) { return a.view() == b.view(); }
  friend bool operator<(const SlotId& a, const SlotId& b) {
    return std::tie(a.credential_uid, a.organization_id) <
           std::tie(b.credential_uid, b.organization_id);
  }
  template <typename H>
  friend H AbslHashValue(H hash, const SlotId& id) {
    return H::combine(std::move(hash), id.view());
  }
};

// A probe of a credential. The number is unique within the process.
struct ProbeId {
  std::uint64_t number = 0;

  friend bool operator==(const ProbeId& a, const ProbeId& b) { return a.number == b.number; }
  friend bool operator<(const ProbeId& a, const ProbeId& b) { return a.number < b.number; }
  template <typename H>
  friend H AbslHashValue(H hash, const ProbeId& id) {
    return H::combine(std::move(hash), id.number);
  }
};

// The session of an API partner, which is shared by all slots of one credential with the same user
// secret and appKey. A probe has a partner session of its own.
struct PartnerId {
  std::string credential_uid;
  std::string user_secret_id;  // fingerprint
  std::string app_key_id;      // fingerprint
  ProbeId probe;               // 0: the stored credential's

  friend bool operator==(const PartnerId& a, const PartnerId& b) {
    return std::tie(a.credential_uid, a.user_secret_id, a.app_key_id, a.probe) ==
           std::tie(b.credential_uid, b.user_secret_id, b.app_key_id, b.probe);
  }
  friend bool operator<(const PartnerId& a, const PartnerId& b) {
    return std::tie(a.credential_uid, a.user_secret_id, a.app_key_id, a.probe) <
           std::tie(b.credential_uid, b.user_secret_id, b.app_key_id, b.probe);
  }
  template <typename H>
  friend H AbslHashValue(H hash, const PartnerId& id) {
    return H::combine(std::move(hash), id.credential_uid, id.user_secret_id, id.app_key_id,
                      id.probe);
  }
};

// A candidate for a sign-in: a slot, a partner or a probe.
using CandidateId = absl::variant<SlotId, PartnerId, ProbeId>;

// The BILL user that a sign-in authenticates as. BILL counts failed sign-ins per user.
struct UserId {
  std::string environment;
  std::string username;   // case-folded
  std::string acting_as;  // id of the user that a partner signs in as; empty for other sign-ins

  friend bool operator==(const UserId& a, const UserId& b) {
    return std::tie(a.environment, a.username, a.acting_as) ==
           std::tie(b.environment, b.username, b.acting_as);
  }
  friend bool operator<(const UserId& a, const UserId& b) {
    return std::tie(a.environment, a.username, a.acting_as) <
           std::tie(b.environment, b.username, b.acting_as);
  }
  template <typename H>
  friend H AbslHashValue(H hash, const UserId& id) {
    return H::combine(std::move(hash), id.environment, id.username, id.acting_as);
  }
};

// A devKey, or a partner's appKey, of one environment. BILL counts sign-ins per devKey.
struct DevKeyBudgetId {
  std::string environment;
  std::string dev_key_id;  // fingerprint

  friend bool operator==(const DevKeyBudgetId& a, const DevKeyBudgetId& b) {
    return std::tie(a.environment, a.dev_key_id) == std::tie(b.environment, b.dev_key_id);
  }
  friend bool operator<(const DevKeyBudgetId& a, const DevKeyBudgetId& b) {
    return std::tie(a.environment, a.dev_key_id) < std::tie(b.environment, b.dev_key_id);
  }
  template <typename H>
  friend H AbslHashValue(H hash, const DevKeyBudgetId& id) {
    return H::combine(std::move(hash), id.environment, id.dev_key_id);
  }
};

}  // namespace billbroker
