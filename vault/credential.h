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

// "user", "console", "partner".
[[nodiscard]] absl::string_view CredentialKindName(CredentialKind kind);

// How many organizations a credential has at most.
inline constexpr std::size_t kMaxOrganizations = 10'000;

// How many lines of history are kept.
inline constexpr std::size_t kMaxHistory = 20;

// How long BILL takes a rememberMeId for MFA. Source: BILL's API reference, v3.
inline constexpr absl::Duration kRememberMeLifetime = absl::Hours(30 * 24);
// A person is told so long before its end.
inline constexpr absl::Duration kRememberMeNotice = absl::Hours(7 * 24);

struct Organization {
  std::string id;        // 1 to 64 characters of [A-Za-z0-9_-]
  SecretString dev_key;  // empty: the credential's own serves
  // kPartner only: BILL's id of the user to sign in as, 1 to 64 characters of [A-Za-z0-9_-].
  std::string user_id = {};
};

// What a rotation replaces. What is not set stays as it is; what is set and empty goes.
struct CredentialChange {
  absl::optional<std::string> username;
  absl::optional<SecretString> dev_key;
  absl::optional<SecretString> password;
  absl::optional<SecretString> console_api_token;
  absl::optional<SecretString> app_key;
  absl::optional<SecretString> remember_me_id;  // set together with `device`
  absl::optional<std::string> device;
  absl::Time remember_me_time = absl::InfinitePast();  // of `remember_me_id`
  // Their own devKeys, ordered by id, each once; a user_id is no part of a change.
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

// "rotated", "rolled_back", "refused", "cancelled", "mfa_renewed", "attached", "detached".
[[nodiscard]] absl::string_view PastChangeKindName(PastChangeKind kind);

// A rotation or roll-back that is stored beside what it would replace, until BILL has taken or
// refused it.
struct StagedRotation {
  std::string id;                                  // never returns
  PastChangeKind kind = PastChangeKind::kRotated;  // or kRolledBack
  CredentialChange change;
  std::string organization_id;  // whose sign-in proves it
  bool end_sessions = false;    // all of the credential's, once it is in force
  std::string principal;        // who asked for it
  absl::Time time;
};

// One line of a credential's history.
struct PastChange {
  std::uint64_t version = 0;  // that it made; where it made none, the one that stayed
  PastChangeKind kind = PastChangeKind::kRotated;
  std::string principal;
  absl::Time time;
  std::vector<std::string> fields;  // ChangedFields()
  std::string bill_code;            // of a refusal
  bool end_sessions = false;        // sessions of versions before it are void
  // What it replaced: what a roll-back puts in place. Dropped when newer ones are enough.
  absl::optional<CredentialChange> before;
};

// A value, movable and not copyable because of its secrets. Once loaded it is shared as
// `shared_ptr<const Credential>`: many sign-ins under way read one copy, and the last one wipes it.
struct Credential {
  std::string name;  // 1 to 64 characters of [a-z0-9-], beginning with a letter or digit
  std::string uid;   // never returns, not even for a new credential of the same name
  std::uint64_t version = 1;
  std::string environment;
  CredentialKind kind = CredentialKind::kUser;
  std::string username;
  bool sync_token = false;         // the password is a sync token's value
  SecretString dev_key;            // may be empty where each organization has its own
  SecretString password;           // kUser and kPartner
  SecretString console_api_token;  // kConsole only
  SecretString app_key;            // kPartner only; 1 to 256 printable ASCII characters
  SecretString remember_me_id;     // set together with `device`, or both empty
  std::string device;
  // When the rememberMeId was given, at the latest; InfinitePast where that is not known.
  absl::Time remember_me_time = absl::InfinitePast();
  std::vector<Organization> organizations;  // ordered by id, each once
  absl::Time create_time;
  absl::Time update_time;
  absl::optional<StagedRotation> staged;  // not in force
  std::vector<PastChange> history;        // newest first; at most kMaxHistory

  // The secret that BILL checks the user by: the password or the consoleApiToken.
  [[nodiscard]] const SecretString& UserSecret() const;

  // The organization's entry; null where it is not attached.
  [[nodiscard]] const Organization* FindOrganization(absl::string_view id) const;

  // The devKey for `organization`: its own, else the credential's. Requires: attached.
  [[nodiscard]] const SecretString& DevKeyFor(absl::string_view organization_id) const;

  [[nodiscard]] Credential Clone() const;
};

using CredentialPtr = std::shared_ptr<const Credential>;

// The shape rules above and of proto/billbroker/v1/credential.proto; MALFORMED_REQUEST naming the
// field. Knows nothing of configured environments, and leaves uid, version and times to their
// maker.
[[nodiscard]] absl::Status ValidateCredential(const Credential& credential);
[[nodiscard]] absl::Status ValidateCredentialName(absl::string_view name,
                                                  absl::string_view field = "name");
[[nodiscard]] absl::Status ValidateDevice(absl::string_view device,
                                          absl::string_view field = "device");
[[nodiscard]] absl::Status ValidateOrganizationId(absl::string_view id,
                                                  absl::string_view field = "organization_id");

}  // namespace billbroker
