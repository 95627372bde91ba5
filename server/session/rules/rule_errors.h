// Errors that several rules return to callers. Internal to server/session.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/session/sign_in_rule.h"

namespace billbroker {

// Returns a name of the slot for error texts: `organization "ID"`, or `the partner of credential
// "NAME"`.
[[nodiscard]] std::string NameOf(const SignInCandidate& candidate);

// Returns LOGIN_BUDGET_SPENT with the time to wait. The metadata names organization and credential.
[[nodiscard]] absl::Status LoginBudgetSpent(const SignInCandidate& candidate, absl::Duration wait,
                                            absl::string_view message);

}  // namespace billbroker
