// Credential: the sign-in identity of one BILL user in one environment, with the organizations it
// may enter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "vault/base/secret_string.h"

namespace billbroker {

enum class CredentialKind {
  kUser,     // username and password (or a sync token's name and value)
  kConsole,  // Accountant Console: username and consoleApiToken
  kPartner,  // an API partner: username, password and appKey, signing in as users of organizations
};

// Returns "user", "console" or "partner".
[[nodiscard]] absl::string_view CredentialKindName(CredentialKind kind);

// The limit of organizations of one credential.
inline constexpr std::size_t kMaxOrganizations = 10'000;

// The number of history lines that are kept.
inline constexpr std::size_t kMaxHistory = 20;

// The time for which BILL accepts a rememberMeId for MFA. Source: BILL's API reference, v3.
inline constexpr absl::Duration kRememberMeLifetime = absl::Hours(30 * 24);
// The time before its end at which the broker warns.
inline constexpr absl::Duration kRememberMeNotice = absl::Hours(7 * 24);

struct Organization {
  std::string id;        // 1 to 64 characters of [A-Za-z0-9_-]
  SecretString dev_key;  // empty: the credential's devKey is used
  // kPartner only: BILL's id of the user to sign in as, 1 to 64 characters of [A-Za-z0-9_-].
  std::string user_id = {};
};

// The new values of a rotation. A field that is not set stays; a field that is set and empty is
// removed.
struct CredentialChange {
  absl::optional<std::string> username;
  absl::optional<SecretString> dev_key;
  absl::optional<SecretString> password;
  absl::optional<SecretString> console_api_token;
  absl::optional<SecretString> app_key;
  absl::optional<SecretString> remember_me_id;  // set together with `device`
  absl::optional<std::string> device;
  absl::Time remember_me_time = absl::InfinitePast();  // of `remember_me_id`
  // New devKeys of organizations, ordered by id, each once. A user_id is not part of a change.
  std::vector<Organization> organizations;
};

enum class PastChangeKind {
  kRotated,
  kRolledBack,
  kRefused,
  kCancelled,
  kMfaRenewed,
  kAttached,
  kDetached,
};

// Returns "rotated", "rolled_back", "refused", "cancelled", "mfa_renewed", "attached" or
// "detached".
[[nodiscard]] absl::string_view PastChangeKindName(PastChangeKind kind);

// A rotation or roll-back that is stored beside the values that it would replace, until BILL has
// accepted or refused it.
struct StagedRotation {
  std::string id;                                  // unique
  PastChangeKind kind = PastChangeKind::kRotated;  // or kRolledBack
  CredentialChange change;
  std::string organization_id;  // its sign-in is the proof
  bool end_sessions = false;    // all of the credential, once it takes effect
  std::string principal;        // of the request
  absl::Time time;
};

// One line of a credential's history.
struct PastChange {
  std::uint64_t version = 0;  // the new version; if it made none, the present one
  PastChangeKind kind = PastChangeKind::kRotated;
  std::string principal;
  absl::Time time;
  std::vector<std::string> fields;  // ChangedFields()
  std::string bill_code;            // of a refusal
  bool end_sessions = false;        // sessions of earlier versions are void
  // The replaced values, which a roll-back restores. Dropped when enough newer ones are kept.
  absl::optional<CredentialChange> before;
};

// A value, movable and not copyable because of its secrets. After loading it is shared as
// `shared_ptr<const Credential>`: many sign-ins under way read one copy, and the last one wipes it.
struct Credential {
  std::string name;  // 1 to 64 characters of [a-z0-9-], beginning with a letter or digit
  std::string uid;   // unique, even if the name is used again
  std::uint64_t version = 1;
  std::string environment;
  CredentialKind kind = CredentialKind::kUser;
  std::string username;
  bool sync_token = false;         // the password is a sync token's value
  SecretString dev_key;            // may be empty if each organization has its own
  SecretString password;           // kUser and kPartner
  SecretString console_api_token;  // kConsole only
  SecretString app_key;            // kPartner only; 1 to 256 printable ASCII characters
  SecretString remember_me_id;     // set together with `device`, or both empty
  std::string device;
  // The latest time at which the rememberMeId can have been given; InfinitePast if that is not
  // known.
  absl::Time remember_me_time = absl::InfinitePast();
  std::vector<Organization> organizations;  // ordered by id, each once
  absl::Time create_time;
  absl::Time update_time;
  absl::optional<StagedRotation> staged;  // not in effect
  std::vector<PastChange> history;        // newest first; at most kMaxHistory

  // Returns the secret that BILL checks the user by: the password or the consoleApiToken.
  [[nodiscard]] const SecretString& UserSecret() const;

  // Returns the organization's entry; null if it is not attached.
  [[nodiscard]] const Organization* FindOrganization(absl::string_view id) const;

  // Returns the devKey for the organization: its own, else the credential's. Requires: attached.
  [[nodiscard]] const SecretString& DevKeyFor(absl::string_view organization_id) const;

  [[nodiscard]] Credential Clone() const;
};

using CredentialPtr = std::shared_ptr<const Credential>;

// Checks the shape rules above and those in proto/billbroker/v1/credential.proto. Fails with
// MALFORMED_REQUEST and the name of the field. Does not check that the environment is configured,
// or uid, version and times.
[[nodiscard]] absl::Status ValidateCredential(const Credential& credential);
[[nodiscard]] absl::Status ValidateCredentialName(absl::string_view name,
                                                  absl::string_view field = "name");
[[nodiscard]] absl::Status ValidateDevice(absl::string_view device,
                                          absl::string_view field = "device");
[[nodiscard]] absl::Status ValidateOrganizationId(absl::string_view id,
                                                  absl::string_view field = "organization_id");

}  // namespace billbroker
