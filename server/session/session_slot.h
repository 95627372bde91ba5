// SessionSlot: everything that the session manager holds for one credential and organization.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "server/session/ids.h"
#include "server/session/session.h"
#include "server/session/session_demand.h"
#include "server/session/slot_session.h"
#include "server/session/waiter_queue.h"
#include "vault/credential_index.h"

namespace billbroker {

// Guarded by SessionManager. At most one check or sign-in is under way.
struct SessionSlot {
  enum class Activity { kIdle, kChecking, kQueued, kSigningIn };

  SessionSlot(SlotId slot_id, CredentialInfoPtr info)
      : id(std::move(slot_id)), listed_name(info->name), credential(std::move(info)) {}

  const SlotId id;
  const std::string listed_name;  // of the credential when the slot was made
  CredentialInfoPtr credential;   // as last seen; never null
  SlotSession session;
  SessionPtr signing_out;  // signed out here, but BILL has not confirmed it yet
  Activity activity = Activity::kIdle;
  WaiterQueue waiters;

  bool place_stored = false;  // the store holds a place in the queue
  bool signed_out = false;    // by a caller: only another caller brings a session back
  // A caller signed out before the store was read: a stored session of at most this generation is
  // ended.
  std::uint64_t ends_stored = 0;
  bool removed = false;  // detached or deleted; erased once nothing is under way

  absl::Duration last_demand = -absl::InfiniteDuration();      // of a caller
  absl::Duration next_maintenance = absl::InfiniteDuration();  // see MaintenanceAgenda
  absl::Duration next_keep_alive = absl::InfiniteDuration();   // when a live session is checked
  // BILL answered BDC_1144 to a check: no keep-alive before this time.
  absl::Duration keep_alive_paused_until = -absl::InfiniteDuration();

  // How often in a row the stored credential was newer than the one that a sign-in was decided on.
  int consecutive_stale_credentials = 0;
  // When a sign-in of this slot last found the partner's session dead.
  absl::Duration partner_ended = -absl::InfiniteDuration();
  // Fingerprint of the devKey with which BILL last accepted a sign-in of this slot; empty: never.
  std::string accepted_dev_key_id;
  bool in_doubt = false;  // reported dead, and BILL has not confirmed the session since
  // The principal that is charged for the report which the check under way tests.
  absl::optional<std::string> charged_report;
  std::int64_t sign_ins = 0;

  [[nodiscard]] const std::string& organization_id() const { return id.organization_id; }
  // Returns true if the session was created by a credential version whose sessions were revoked.
  [[nodiscard]] bool IsRevoked(const Session& held) const {
    return held.version < credential->sessions_ended_version;
  }
  // Returns true if the session has another devKey than the credential has now, or another user of
  // a partner. It stays good until its end. Requires: session.get() is not null.
  [[nodiscard]] bool IsOutdated() const;
};

// Returns the BILL user of `credential` itself.
[[nodiscard]] UserId ToUserId(const CredentialInfo& credential);
// Returns the BILL user that a sign-in to `organization_id` authenticates as.
[[nodiscard]] UserId ToUserId(const CredentialInfo& credential, absl::string_view organization_id);
// Returns the budget of the devKey with which `credential` serves `organization_id`.
[[nodiscard]] DevKeyBudgetId ToDevKeyBudgetId(const CredentialInfo& credential,
                                              absl::string_view organization_id);
// Returns the budget of a partner's appKey.
[[nodiscard]] DevKeyBudgetId ToAppKeyBudgetId(const CredentialInfo& credential);
// Returns the partner session that `credential` needs; nullopt if it is not of kind kPartner.
[[nodiscard]] absl::optional<PartnerId> ToPartnerId(const CredentialInfo& credential,
                                                    ProbeId probe = {});

}  // namespace billbroker
