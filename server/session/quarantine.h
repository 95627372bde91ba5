// Quarantine: a sign-in that BILL refused for good is not sent again until something changed.
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
#include "vault/credential_index.h"

namespace billbroker {

// A quarantine with its evidence.
struct QuarantineEntry {
  Reason reason = Reason::kCredentialRejected;
  std::string bill_code;
  absl::Time since;
  absl::optional<absl::Time> until;       // lock-outs only, for people
  absl::optional<absl::Duration> lapses;  // the same on Clock::SinceBoot(): this one decides
  QuarantineScope scope = QuarantineScope::kNone;
  std::string organization_id = {};  // the refused sign-in's; empty: a partner's own, or unknown
  SignInHistory history = {};        // the state of things before the refusal
};

struct QuarantineRecord {
  std::string scope;
  QuarantineEntry entry;
};

// A sign-in that BILL refused.
struct SignInRefusal {
  SignInStep step = SignInStep::kSignIn;
  QuarantineScope scope = QuarantineScope::kNone;  // SignInOutcome::quarantine
  std::string bill_code;
  SignInHistory history = {};
};

// The scope of an entry is the refused thing itself, so that no attach or roll-back revives it:
//   kSecret                 (environment, user name, secret), as a keyed fingerprint
//   kSecretAndDevKey        that and (environment, devKey)
//   kDevKey                 (environment, devKey), as a keyed fingerprint
//   kOrganizationAndDevKey  that and the organization
//   kUserAndOrganization    (environment, user name, organization)
//   kOrganizationLockout    (environment, organization), for the cool-down
//   kUserLockout            (environment, user name), for the cool-down
//
// For a partner, the appKey takes the place of the devKey. Its own sign-in names no organization: a
// refusal for an organization stands against its user, password and appKey together, and a lock-out
// of the organization against its user. login-as-user shows BILL no password: a refused secret
// stands against the user's id and the organization, and a lock-out of the user against its id.
// The reason is DEV_KEY_REJECTED for kDevKey and kOrganizationAndDevKey; for kSecretAndDevKey it
// depends on the code.
//
// A changed secret or devKey has another fingerprint and so is free at once. Not thread-safe:
// guarded by SessionManager.
class Quarantine final {
 public:
  explicit Quarantine(absl::Duration lockout_cooldown) : lockout_cooldown_(lockout_cooldown) {}

  // Returns the quarantine of a sign-in of `credential` to `organization_id`; nullopt if none.
  [[nodiscard]] absl::optional<QuarantineEntry> Find(const CredentialInfo& credential,
                                                     absl::string_view organization_id,
                                                     absl::Duration since_boot) const;

  // Records a refusal and returns the record; nullopt if the refusal quarantines nothing.
  absl::optional<QuarantineRecord> Add(const CredentialInfo& credential,
                                       absl::string_view organization_id,
                                       const SignInRefusal& refusal, absl::Time now,
                                       absl::Duration since_boot);
  // Does the same for an error whose scope follows from its verdict alone. Deprecated: the scope is
  // wider than the evidence.
  absl::optional<QuarantineRecord> Add(const CredentialInfo& credential,
                                       absl::string_view organization_id, SignInStep step,
                                       const BillError& error, absl::Time now,
                                       absl::Duration since_boot);

  // Forgets the entries that BILL disproved by accepting this sign-in; returns their scopes.
  std::vector<std::string> Lift(const CredentialInfo& credential, absl::string_view organization_id,
                                SignInStep step);

  // Adds an entry that was recorded before a restart. A newer one of the same scope stays.
  void Restore(QuarantineRecord record);

  [[nodiscard]] int size() const { return static_cast<int>(entries_.size()); }

 private:
  absl::Duration lockout_cooldown_;
  absl::flat_hash_map<std::string, QuarantineEntry> entries_;  // by scope
};

// Returns the error for callers: names the organization, the credential, BILL's code and the
// remedy.
[[nodiscard]] absl::Status QuarantineError(const QuarantineEntry& entry,
                                           const CredentialInfo& credential,
                                           absl::string_view organization_id);

}  // namespace billbroker
