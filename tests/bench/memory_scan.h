// Searches for texts in the memory of another process.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace billbroker {

// Returns how often each of `texts`, of 8 bytes or more, occurs in the writable memory of the
// process: its heap, stacks, data and shared memory, locked or not. kPermissionDenied if this
// process may not read it: the broker is not dumpable, so this needs root with CAP_SYS_PTRACE. Stop
// the process first, because bytes that move during the search may be missed.
[[nodiscard]] absl::StatusOr<std::vector<int>> CountInMemory(pid_t pid,
                                                             const std::vector<std::string>& texts);

}  // namespace billbroker
