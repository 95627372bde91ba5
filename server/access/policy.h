// Policy: who may ask for what. Design: docs/adr/0018-principals-and-policy.md.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace billbroker {

// What a principal may do with what is granted to it; each holds all that come before it.
enum class Role {
  kReader,    // GetSession, BatchGetSessions, WatchSessions
  kCaller,    // sessions with the devKey or the headers; Login without force
  kOperator,  // Login with force, Logout, lists, status, MFA, VerifyCredential
  kAdmin,     // changes of credentials
};

// "reader", "caller", "operator", "admin".
[[nodiscard]] absl::string_view RoleName(Role role);
[[nodiscard]] absl::optional<Role> RoleNamed(absl::string_view name);

// Whether `text` is what `glob` says, where each "*" stands for any run of characters, none
// included. Takes at most the product of both lengths.
[[nodiscard]] bool MatchesGlob(absl::string_view glob, absl::string_view text);

// One line of the policy. Patterns are globs; an empty list covers nothing.
struct Grant {
  std::vector<std::string> principals;
  Role role = Role::kReader;
  std::vector<std::string> organizations;  // "*" alone covers all credentials too
  std::vector<std::string> credentials;    // and the organizations that they serve
};

// What one principal was granted. A value; nothing granted is nothing allowed.
class Grants final {
 public:
  Grants() = default;
  explicit Grants(std::vector<Grant> grants) : grants_(std::move(grants)) {}

  // Whether anything is granted in `role`.
  [[nodiscard]] bool Any(Role role) const;
  // Whether the organization is, whichever credential serves it.
  [[nodiscard]] bool CoversOrganization(Role role, absl::string_view organization_id) const;
  // Whether a grant names credentials.
  [[nodiscard]] bool NamesCredentials(Role role) const;
  // Whether the credential is, with all organizations that it serves.
  [[nodiscard]] bool CoversCredential(Role role, absl::string_view credential) const;

 private:
  std::vector<Grant> grants_;
};

// What a principal may ask at a time.
struct CallerLimits {
  double calls_per_second = 1000;
  double burst = 2000;  // calls at once after a pause
  // Calls without an answer that are answered at once, and as many that wait: CallKind.
  int calls_in_flight = 1000;
};

// Who is at the other end of a Unix socket, as the kernel says (SO_PEERCRED, SO_PEERGROUPS).
struct UnixPeer {
  uid_t uid = 0;
  std::vector<gid_t> groups;  // sorted, the primary one among them
  pid_t pid = 0;              // who connected, for the audit; 0 in another namespace. Not compared.

  friend bool operator<(const UnixPeer& a, const UnixPeer& b) {
    return a.uid != b.uid ? a.uid < b.uid : a.groups < b.groups;
  }
};

// A value.
struct Policy {
  // A principal of Unix sockets, "unix:NAME", and the users that are it.
  struct UnixPrincipal {
    std::string name;
    std::vector<uid_t> users;
    std::vector<gid_t> groups;
  };

  std::vector<UnixPrincipal> principals;
  std::vector<Grant> grants;
  CallerLimits limits;                             // of a principal that has none of its own
  std::map<std::string, CallerLimits> own_limits;  // by principal

  // The principal that names the peer's user; else the first one that names one of its groups; else
  // nullopt: an unknown caller.
  [[nodiscard]] absl::optional<std::string> PrincipalOf(const UnixPeer& peer) const;
  [[nodiscard]] Grants GrantsOf(absl::string_view principal) const;
  [[nodiscard]] const CallerLimits& LimitsOf(const std::string& principal) const;
};

}  // namespace billbroker
