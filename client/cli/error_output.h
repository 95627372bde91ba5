// The output of an error: reason, message, time to retry, and fix.
#pragma once

#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "client/channel.h"

namespace billbroker {

// Returns the reason's published name. For an error that did not come from the broker, it is
// BROKER_UNREACHABLE, USAGE or the name of the status code.
[[nodiscard]] std::string ErrorName(const absl::Status& status);

// Prints `status`, which is not OK:
//
//   error: LOGIN_BUDGET_SPENT: the devKey's sign-ins of this hour are spent
//   retry in 12 s
//   fix: …
//
// or, for programs, the object that docs/cli.md documents. `broker` is the address that was used.
void PrintError(const absl::Status& status, const ClientOptions& broker, bool json,
                std::ostream& err);

}  // namespace billbroker
