#include "server/session/rules/rule_errors.h"

#include "absl/strings/str_cat.h"
#include "vault/base/error.h"

namespace billbroker {

std::string NameOf(const SignInCandidate& candidate) {
  if (candidate.slot.organization_id.empty()) {
    return absl::StrCat("the partner of credential \"", candidate.credential->name, "\"");
  }
  return absl::StrCat("organization \"", candidate.slot.organization_id, "\"");
}

absl::Status LoginBudgetSpent(const SignInCandidate& candidate, absl::Duration wait,
                              absl::string_view message) {
  return MakeError({Reason::kLoginBudgetSpent,
                    wait,
                    {{"organization_id", candidate.slot.organization_id},
                     {"credential", candidate.credential->name}}},
                   message);
}

}  // namespace billbroker
