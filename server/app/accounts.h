// Users and groups of this machine, by name.
#pragma once

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"

namespace billbroker {

// kFailedPrecondition, with the fix, where there is none of that name.
[[nodiscard]] absl::StatusOr<gid_t> FindGroup(const std::string& name);
[[nodiscard]] absl::StatusOr<uid_t> FindUser(const std::string& name);

}  // namespace billbroker
