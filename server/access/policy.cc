#include "server/access/policy.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace billbroker {
namespace {

constexpr std::array<absl::string_view, 4> kRoleNames = {"reader", "caller", "operator", "admin"};

bool AnyMatches(const std::vector<std::string>& globs, absl::string_view text) {
  return std::any_of(globs.begin(), globs.end(),
                     [text](const std::string& glob) { return MatchesGlob(glob, text); });
}

template <typename Id>
bool Contains(const std::vector<Id>& ids, Id id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

bool NamesOneOf(const std::vector<gid_t>& named, const std::vector<gid_t>& groups) {
  return std::any_of(groups.begin(), groups.end(),
                     [&named](gid_t group) { return Contains(named, group); });
}

}  // namespace

absl::string_view RoleName(Role role) { return kRoleNames.at(static_cast<std::size_t>(role)); }

absl::optional<Role> RoleNamed(absl::string_view name) {
  const auto* const found = std::find(kRoleNames.begin(), kRoleNames.end(), name);
  if (found == kRoleNames.end()) return absl::nullopt;
  return static_cast<Role>(found - kRoleNames.begin());
}

bool MatchesGlob(absl::string_view glob, absl::string_view text) {
  // Where a later part does not fit, the last star takes one character more.
  std::size_t at = 0;
  std::size_t glob_at = 0;
  std::size_t star = absl::string_view::npos;
  std::size_t star_text = 0;
  while (at < text.size()) {
    if (glob_at < glob.size() && glob[glob_at] == '*') {
      star = glob_at++;
      star_text = at;
      if (glob_at == glob.size()) return true;
    } else if (glob_at < glob.size() && glob[glob_at] == text[at]) {
      ++glob_at;
      ++at;
    } else if (star != absl::string_view::npos) {
      glob_at = star + 1;
      at = ++star_text;
    } else {
      return false;
    }
  }
  return glob.find_first_not_of('*', glob_at) == absl::string_view::npos;
}

bool Grants::Any(Role role) const {
  return std::any_of(grants_.begin(), grants_.end(),
                     [role](const Grant& grant) { return grant.role >= role; });
}

bool Grants::NamesCredentials(Role role) const {
  return std::any_of(grants_.begin(), grants_.end(), [role](const Grant& grant) {
    return grant.role >= role && !grant.credentials.empty();
  });
}

bool Grants::CoversOrganization(Role role, absl::string_view organization_id) const {
  return std::any_of(grants_.begin(), grants_.end(), [&](const Grant& grant) {
    return grant.role >= role && AnyMatches(grant.organizations, organization_id);
  });
}

bool Grants::CoversCredential(Role role, absl::string_view credential) const {
  return std::any_of(grants_.begin(), grants_.end(), [&](const Grant& grant) {
    return grant.role >= role && (Contains<std::string>(grant.organizations, "*") ||
                                  AnyMatches(grant.credentials, credential));
  });
}

absl::optional<std::string> Policy::PrincipalOf(const UnixPeer& peer) const {
  for (const UnixPrincipal& principal : principals) {
    if (Contains(principal.users, peer.uid)) return principal.name;
  }
  for (const UnixPrincipal& principal : principals) {
    if (NamesOneOf(principal.groups, peer.groups)) return principal.name;
  }
  return absl::nullopt;
}

Grants Policy::GrantsOf(absl::string_view principal) const {
  std::vector<Grant> granted;
  std::copy_if(grants.begin(), grants.end(), std::back_inserter(granted),
               [principal](const Grant& grant) { return AnyMatches(grant.principals, principal); });
  return Grants(std::move(granted));
}

const CallerLimits& Policy::LimitsOf(const std::string& principal) const {
  const auto own = own_limits.find(principal);
  return own == own_limits.end() ? limits : own->second;
}

}  // namespace billbroker
