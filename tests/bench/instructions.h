// Instructions that a server spends on a call, counted by callgrind: unlike times, they repeat.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace billbroker {

// Runs a server under `wrapper`, makes so many calls, and ends the server so that it can say what
// it counted.
using CountedRun = std::function<absl::Status(const std::vector<std::string>& wrapper, int calls)>;

// From two runs that differ in nothing but `calls` of theirs, so that start and end cancel out.
// kNotFound without valgrind.
[[nodiscard]] absl::StatusOr<double> InstructionsPerCall(const std::string& folder, int calls,
                                                         const CountedRun& run);

}  // namespace billbroker
