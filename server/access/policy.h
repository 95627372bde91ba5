// Policy: the permissions of principals. Design: docs/adr/0018-principals-and-policy.md.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace billbroker {

// The calls that a principal may make for the objects granted to it. Each role includes the roles
// before it.
enum class Role {
  kReader,    // GetSession, BatchGetSessions, WatchSessions
  kCaller,    // sessions with the devKey or the headers; Login without force
  kOperator,  // Login with force, Logout, lists, status, MFA, VerifyCredential
  kAdmin,     // changes of credentials
};

// Returns "reader", "caller", "operator" or "admin".
[[nodiscard]] absl::string_view RoleName(Role role);
[[nodiscard]] absl::optional<Role> RoleNamed(absl::string_view name);

// Returns true if `text` matches `glob`, in which each "*" stands for any run of characters,
// including none. Takes at most time proportional to the product of both lengths.
[[nodiscard]] bool MatchesGlob(absl::string_view glob, absl::string_view text);

// One line of the policy. Patterns are globs; an empty list covers nothing.
struct Grant {
  std::vector<std::string> principals;
  Role role = Role::kReader;
  std::vector<std::string> organizations;  // "*" alone covers all credentials too
  std::vector<std::string> credentials;    // and the organizations that they serve
};

// The grants of one principal. A value; everything that is not granted is refused.
class Grants final {
 public:
  Grants() = default;
  explicit Grants(std::vector<Grant> grants) : grants_(std::move(grants)) {}

  // Returns true if anything is granted in `role`.
  [[nodiscard]] bool Any(Role role) const;
  // Returns true if the organization is granted, whichever credential serves it.
  [[nodiscard]] bool CoversOrganization(Role role, absl::string_view organization_id) const;
  // Returns true if a grant names credentials.
  [[nodiscard]] bool NamesCredentials(Role role) const;
  // Returns true if the credential is granted, with all organizations that it serves.
  [[nodiscard]] bool CoversCredential(Role role, absl::string_view credential) const;

 private:
  std::vector<Grant> grants_;
};

// The limits of the calls of one principal.
struct CallerLimits {
  double calls_per_second = 1000;
  double burst = 2000;  // calls at the same time after a pause
  // The limit of calls without an answer, for kAtOnce and for kWaiting separately.
  int calls_in_flight = 1000;
  int watches = 100;                    // open at the same time
  int watched_organizations = 100'000;  // by all of these, each rounded up to hundreds
};

// The process at the other end of a Unix socket, according to the kernel (SO_PEERCRED,
// SO_PEERGROUPS).
struct UnixPeer {
  uid_t uid = 0;
  std::vector<gid_t> groups;  // sorted, the primary one among them
  pid_t pid = 0;              // for the audit log; 0 in another namespace. Not compared.

  friend bool operator<(const UnixPeer& a, const UnixPeer& b) {
    return a.uid != b.uid ? a.uid < b.uid : a.groups < b.groups;
  }
};

// A value.
struct Policy {
  // A principal of Unix sockets, "unix:NAME", and its users.
  struct UnixPrincipal {
    std::string name;
    std::vector<uid_t> users;
    std::vector<gid_t> groups;
  };

  std::vector<UnixPrincipal> principals;
  std::vector<Grant> grants;
  CallerLimits limits;                             // of a principal without limits of its own
  std::map<std::string, CallerLimits> own_limits;  // by principal

  // Returns the principal that names the peer's user, else the first one that names one of its
  // groups, else nullopt: an unknown caller.
  [[nodiscard]] absl::optional<std::string> PrincipalOf(const UnixPeer& peer) const;
  [[nodiscard]] Grants GrantsOf(absl::string_view principal) const;
  [[nodiscard]] const CallerLimits& LimitsOf(const std::string& principal) const;
};

}  // namespace billbroker
