// Looks for texts in the memory of another process.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace billbroker {

// How often each of `texts`, of 8 bytes or more, stands in what the process may write: its heap,
// stacks, data and shared memory, locked or not. kPermissionDenied where this process may not look:
// the broker is undumpable, so it takes root with CAP_SYS_PTRACE. Stop the process first, or bytes
// that move meanwhile may be missed.
[[nodiscard]] absl::StatusOr<std::vector<int>> CountInMemory(pid_t pid,
                                                             const std::vector<std::string>& texts);

}  // namespace billbroker
