// CredentialInfo: everything of a credential that may be shown.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "vault/credential.h"
#include "vault/fingerprint.h"

namespace billbroker {

// A credential without its secrets. Immutable; shared because readers keep it beyond the lock.
struct CredentialInfo {
  std::string name;
  std::string uid;
  std::uint64_t version = 0;
  std::string environment;
  CredentialKind kind = CredentialKind::kUser;
  std::string username;
  std::string folded_username;  // FoldUserName() of it
  bool sync_token = false;
  std::string device;
  absl::Time remember_me_time = absl::InfinitePast();  // as Credential's
  std::map<std::string, std::string, std::less<>>
      fingerprints;  // field ("dev_key", "password", …) -> fingerprint
  std::map<std::string, std::string, std::less<>>
      organizations;  // id -> fingerprint of its own devKey, or empty
  std::map<std::string, std::string, std::less<>>
      user_ids;  // kPartner: organization's id -> id of the user to sign in as
  // Fingerprint of the user secret (password or consoleApiToken) in the context of environment and
  // user name. The key of its quarantine.
  std::string user_secret_id;
  absl::Time create_time;
  absl::Time update_time;
  // A rotation that is stored and not in effect yet.
  struct Pending {
    std::string id;
    std::string organization_id;
    std::string principal;
    std::vector<std::string> fields;
    absl::Time time;
  };
  absl::optional<Pending> pending;
  // A line of history. `revertible`: the values that it replaced are kept.
  struct Past {
    std::uint64_t version = 0;
    PastChangeKind kind = PastChangeKind::kRotated;
    std::string principal;
    absl::Time time;
    std::vector<std::string> fields;
    std::string bill_code;
    bool revertible = false;
    bool end_sessions = false;
  };
  std::vector<Past> history;  // newest first
  // Sessions of an older version than this are void, because a change ended them.
  std::uint64_t sessions_ended_version = 0;

  // Returns the fingerprint of the rememberMeId; empty if there is none.
  [[nodiscard]] absl::string_view RememberMeFingerprint() const;

  // Returns when BILL stops accepting the rememberMeId; nullopt if there is none, or if its age is
  // not known.
  [[nodiscard]] absl::optional<absl::Time> RememberMeEnd() const;

  // Returns the fingerprint of the devKey that serves `organization_id`.
  [[nodiscard]] const std::string& DevKeyIdFor(absl::string_view organization_id) const;
};

using CredentialInfoPtr = std::shared_ptr<const CredentialInfo>;

// Returns the info of `credential`. `fingerprinter` has the key that the process uses for all.
[[nodiscard]] CredentialInfoPtr InfoOf(const Credential& credential,
                                       const Fingerprinter& fingerprinter);

}  // namespace billbroker
