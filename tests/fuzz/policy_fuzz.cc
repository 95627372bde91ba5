// Checks that a parsed policy grants nothing to an unknown principal, or that each line of the
// error names the file and is plain text.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "server/app/policy_file.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using billbroker::Require;
  const auto policy = billbroker::ParsePolicy(billbroker::TextOf(data, size), "p.toml");
  if (policy.ok()) {
    Require(!policy->GrantsOf("").Any(billbroker::Role::kReader),
            "an unknown principal has no grant");
    for (const auto& principal : policy->principals) {
      Require(absl::StartsWith(principal.name, "unix:"), "principals are typed");
      for (const uid_t user : principal.users) {
        Require(policy->PrincipalOf({user, {}}) == principal.name, "a user is one principal");
      }
    }
    return 0;
  }
  for (const absl::string_view line : absl::StrSplit(policy.status().message(), '\n')) {
    Require(absl::StartsWith(line, "p.toml:"), "an error names the file");
    Require(std::none_of(line.begin(), line.end(), absl::ascii_iscntrl),
            "an error has no control characters");
  }
  return 0;
}
