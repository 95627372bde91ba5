#include "server/app/policy_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/app/accounts.h"
#include "server/app/toml_reader.h"

namespace billbroker {
namespace {

constexpr absl::string_view kUnix = "unix:";
constexpr absl::string_view kSpiffe = "spiffe:";
constexpr absl::string_view kSpiffeScheme = "spiffe://";
constexpr absl::string_view kDns = "dns:";
constexpr absl::string_view kTypes[] = {kUnix, kSpiffe, kDns, "cn:"};
constexpr int kMostCalls = 1'000'000;
constexpr int kMostWatched = 10'000'000;
constexpr std::size_t kMaxPrincipalNameSize = 64;

bool HasUpper(absl::string_view text) {
  return std::any_of(text.begin(), text.end(), absl::ascii_isupper);
}

// Returns the fix for a `glob` that cannot match the name of any certificate; empty if it can. The
// form of these names is in server/access/certificate_principal.h.
std::string CertificateFix(absl::string_view glob) {
  if (absl::StartsWith(glob, kDns) && HasUpper(glob)) {
    return absl::StrCat("write \"", absl::AsciiStrToLower(glob), "\"");
  }
  if (!absl::StartsWith(glob, kSpiffe)) return "";
  // A glob is literal up to its first star.
  absl::string_view exact = glob.substr(0, glob.find('*'));
  const bool all = exact.size() == glob.size();
  if (!all && absl::StartsWith(kSpiffeScheme, exact)) return "";
  if (!absl::ConsumePrefix(&exact, kSpiffeScheme) || (all && exact.empty())) {
    return "write \"spiffe://DOMAIN/PATH\", such as \"spiffe://corp.example/payments/*\"";
  }
  if (HasUpper(exact.substr(0, exact.find('/')))) return "write its domain in small letters";
  return "";
}

bool IsUnixPrincipal(absl::string_view name) {
  if (!absl::ConsumePrefix(&name, kUnix) || name.empty() || name.size() > kMaxPrincipalNameSize) {
    return false;
  }
  return std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' || c == '_' || c == '.';
  });
}

// Reads numbers, and names that `find` can resolve.
template <typename Id, typename Find>
std::vector<Id> ReadIds(TomlTable& table, absl::string_view key, Find find) {
  std::vector<Id> ids;
  for (const std::string& name : table.Strings(key)) {
    Id id = 0;
    if (absl::SimpleAtoi(name, &id) && id != std::numeric_limits<Id>::max()) {
      ids.push_back(id);
      continue;
    }
    const absl::StatusOr<Id> found = find(name);
    if (found.ok()) {
      ids.push_back(*found);
    } else {
      table.Error(key, absl::StrCat("names \"", name, "\": ", found.status().message()));
    }
  }
  return ids;
}

CallerLimits ReadLimits(TomlTable& table, CallerLimits limits) {
  const int calls =
      table.Integer("calls_per_second", static_cast<int>(limits.calls_per_second), 1, kMostCalls);
  const bool same = calls == static_cast<int>(limits.calls_per_second);
  limits.burst =
      table.Integer("burst", same ? static_cast<int>(limits.burst) : 2 * calls, 1, 2 * kMostCalls);
  limits.calls_per_second = calls;
  limits.calls_in_flight = table.Integer("calls_in_flight", limits.calls_in_flight, 1, kMostCalls);
  limits.watches = table.Integer("watches", limits.watches, 0, kMostCalls);
  limits.watched_organizations =
      table.Integer("watched_organizations", limits.watched_organizations, 0, kMostWatched);
  return limits;
}

class PolicyReader final {
 public:
  Policy Read(TomlTable& root) {
    TomlTable limits = root.Table("limits");
    policy_.limits = ReadLimits(limits, {});
    limits.RefuseUnknown();
    for (TomlTable& table : root.Tables("principal")) ReadPrincipal(table);
    for (TomlTable& table : root.Tables("grant")) ReadGrant(table);
    // An editor that has just begun to write the file leaves it in this state.
    if (policy_.grants.empty()) root.Error("grant", "is missing: nobody could do anything");
    root.RefuseUnknown();
    return std::move(policy_);
  }

 private:
  void ReadPrincipal(TomlTable& table) {
    Policy::UnixPrincipal principal;
    principal.name = table.RequiredString("name");
    if (!principal.name.empty() && !IsUnixPrincipal(principal.name)) {
      table.Error("name", "must be \"unix:\" and 1 to 64 characters of [a-z0-9._-]");
    }
    principal.users = ReadIds<uid_t>(table, "users", FindUser);
    principal.groups = ReadIds<gid_t>(table, "groups", FindGroup);
    if (table.Strings("users").empty() && table.Strings("groups").empty()) {
      table.Error("", "names neither users nor groups: nobody is it");
    }
    for (const uid_t user : principal.users) {
      const auto [other, added] = users_.emplace(user, principal.name);
      if (!added && other->second != principal.name) {
        table.Error("users", absl::StrCat("names user ", user, ", which ", other->second,
                                          " names too; a user is one principal"));
      }
    }
    policy_.own_limits[principal.name] = ReadLimits(table, policy_.limits);
    if (!names_.insert(principal.name).second) {
      table.Error("name", "is that of another principal; make them one");
    }
    table.RefuseUnknown();
    policy_.principals.push_back(std::move(principal));
  }

  void ReadGrant(TomlTable& table) {
    Grant grant;
    grant.principals = table.Strings("principals");
    if (grant.principals.empty())
      table.Error("principals", "is missing; name the principals of the grant");
    for (const std::string& principal : grant.principals) CheckPrincipal(table, principal);
    const std::string role = table.RequiredString("role");
    const absl::optional<Role> known = RoleNamed(role);
    if (!known.has_value() && !role.empty()) {
      table.Error("role",
                  absl::StrCat("must be reader, caller, operator or admin, not \"", role, "\""));
    }
    grant.role = known.value_or(Role::kReader);
    grant.organizations = ReadGlobs(table, "organizations");
    grant.credentials = ReadGlobs(table, "credentials");
    if (grant.organizations.empty() && grant.credentials.empty()) {
      table.Error("", "grants nothing; add organizations or credentials, such as [\"*\"]");
    }
    table.RefuseUnknown();
    policy_.grants.push_back(std::move(grant));
  }

  // A misspelled name must not silently grant nothing.
  void CheckPrincipal(TomlTable& table, const std::string& principal) {
    if (std::none_of(std::begin(kTypes), std::end(kTypes), [&principal](absl::string_view type) {
          return absl::StartsWith(principal, type);
        })) {
      table.Error("principals", absl::StrCat("must each begin with unix:, spiffe:, dns: or cn:, "
                                             "which \"",
                                             principal, "\" does not"));
    } else if (absl::StartsWith(principal, kUnix) &&
               std::none_of(names_.begin(), names_.end(), [&principal](const std::string& name) {
                 return MatchesGlob(principal, name);
               })) {
      table.Error("principals",
                  absl::StrCat("names \"", principal, "\", which no [[principal]] is called"));
    } else if (const std::string fix = CertificateFix(principal); !fix.empty()) {
      table.Error("principals",
                  absl::StrCat("names \"", principal, "\", which no certificate is called; ", fix));
    }
  }

  static std::vector<std::string> ReadGlobs(TomlTable& table, absl::string_view key) {
    std::vector<std::string> globs = table.Strings(key);
    for (const std::string& glob : globs) {
      if (glob.empty() || !std::all_of(glob.begin(), glob.end(), [](char c) {
            return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '*';
          })) {
        table.Error(key, absl::StrCat("must be ids or names, with \"*\" for any run of characters; "
                                      "\"",
                                      glob, "\" is neither"));
      }
    }
    return globs;
  }

  Policy policy_;
  std::set<std::string> names_;
  std::map<uid_t, std::string> users_;
};

}  // namespace

absl::StatusOr<Policy> ParsePolicy(absl::string_view text, absl::string_view file) {
  return ParseToml(text, file, [](TomlTable& root) { return PolicyReader().Read(root); });
}

absl::StatusOr<Policy> LoadPolicy(const std::string& path) {
  // The socket's group contains the users that the policy is about.
  absl::StatusOr<std::string> text = ReadGuardedFile(path, S_IWGRP | S_IWOTH);
  if (!text.ok()) return text.status();
  return ParsePolicy(*text, path);
}

}  // namespace billbroker
