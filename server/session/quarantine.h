// Quarantine: what BILL refused for good is not asked again until something changed.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/bill/bill_error.h"
#include "server/session/sign_in_outcome.h"
#include "vault/base/error.h"
#include "vault/directory.h"

namespace billbroker {

struct QuarantineEntry {
  Reason reason = Reason::kCredentialRejected;
  std::string bill_code;
  absl::Time since;
  absl::optional<absl::Time> until;       // lock-outs only, for people
  absl::optional<absl::Duration> lapses;  // the same on Clock::SinceBoot(): what decides
};

struct QuarantineRecord {
  std::string scope;
  QuarantineEntry entry;
};

// The scope of an entry is what was refused, so that no attach or roll-back revives it:
//   BDC_1101                     (environment, user name, secret), as a keyed fingerprint
//   BDC_1102, 1103, 1104         (environment, devKey), as a keyed fingerprint
//   BDC_1105, 1106, 1111, 1123   (environment, user name, organization)
//   BDC_1107                     (environment, organization), for the cool-down
//   BDC_1110                     (environment, user name), for the cool-down
//
// Of a partner, 1102 to 1104 are about the appKey, which is quarantined as a devKey is. Its own
// sign-in names no organization: 1105, 1106, 1111 and 1123 stand against its user, password and
// appKey together, and 1107 against its user. login-as-user shows BILL no password: 1101 stands
// against the user's id and the organization as 1111 does, and 1110 against the user's id.
//
// A changed secret or devKey has another fingerprint and so is free at once. Not thread-safe: the
// engine guards it.
class Quarantine final {
 public:
  explicit Quarantine(absl::Duration lockout_cooldown) : lockout_cooldown_(lockout_cooldown) {}

  // What stands against a sign-in of `credential` to `organization_id`; nullopt where nothing does.
  [[nodiscard]] absl::optional<QuarantineEntry> Find(const CredentialInfo& credential,
                                                     absl::string_view organization_id,
                                                     absl::Duration since_boot) const;

  // Records `error` where its verdict is one of those above, and returns what it recorded.
  absl::optional<QuarantineRecord> Add(const CredentialInfo& credential,
                                       absl::string_view organization_id, SignInStep step,
                                       const BillError& error, absl::Time now,
                                       absl::Duration since_boot);

  // Forgets all that BILL proved wrong by accepting this; returns the scopes.
  std::vector<std::string> Lift(const CredentialInfo& credential, absl::string_view organization_id,
                                SignInStep step);

  // One that was recorded before a restart.
  void Restore(QuarantineRecord record) {
    entries_.insert_or_assign(std::move(record.scope), std::move(record.entry));
  }

  [[nodiscard]] int size() const { return static_cast<int>(entries_.size()); }

 private:
  absl::Duration lockout_cooldown_;
  absl::flat_hash_map<std::string, QuarantineEntry> entries_;  // by scope
};

// What a caller is told: names the organization, the credential, BILL's code and what lifts it.
[[nodiscard]] absl::Status QuarantineError(const QuarantineEntry& entry,
                                           const CredentialInfo& credential,
                                           absl::string_view organization_id);

}  // namespace billbroker
