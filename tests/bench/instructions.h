// Counts the instructions of a server per call, with callgrind. Unlike times, they can be
// reproduced.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace billbroker {

// Runs a server under `wrapper`, makes `calls` calls, and ends the server, so that callgrind writes
// its result.
using CountedRun = std::function<absl::Status(const std::vector<std::string>& wrapper, int calls)>;

// Returns the instructions per call. Runs the server twice, the second time with `calls` more
// calls, and divides the difference by `calls`, so that the cost of start and end cancels out.
// kNotFound if callgrind wrote no result.
[[nodiscard]] absl::StatusOr<double> InstructionsPerCall(const std::string& folder, int calls,
                                                         const CountedRun& run);

}  // namespace billbroker
