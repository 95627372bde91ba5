// How an error reads: reason, message, when to try again, and the fix.
#pragma once

#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "client/channel.h"

namespace billbroker {

// The reason's published name, or for an error that did not come from the broker
// BROKER_UNREACHABLE, USAGE or its status code's name.
[[nodiscard]] std::string ErrorName(const absl::Status& status);

// Prints `status`, which is not OK:
//
//   error: LOGIN_BUDGET_SPENT: the devKey's sign-ins of this hour are spent
//   retry in 12 s
//   fix: …
//
// or, for programs, the object that docs/cli.md documents. `broker` is where it was looked for.
void PrintError(const absl::Status& status, const ClientOptions& broker, bool json,
                std::ostream& err);

}  // namespace billbroker
