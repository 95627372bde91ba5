// Users and groups of this machine, by name.
#pragma once

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"

namespace billbroker {

// Returns the id. Fails with kFailedPrecondition and the fix if the name does not exist.
[[nodiscard]] absl::StatusOr<gid_t> FindGroup(const std::string& name);
[[nodiscard]] absl::StatusOr<uid_t> FindUser(const std::string& name);

}  // namespace billbroker
