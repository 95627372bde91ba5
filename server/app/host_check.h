// What a configuration needs of the machine that it is used on.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/app/config.h"

namespace billbroker {

// The folders that the daemon writes to, their modes, the CA files and the socket's group; changes
// nothing. kFailedPrecondition with one line for everything that is wrong.
[[nodiscard]] absl::Status CheckHost(const Config& config);

// Makes `path`, readable to this user alone, where it is missing and its parent is not.
[[nodiscard]] absl::Status MakeFolder(const std::string& path);

[[nodiscard]] absl::StatusOr<gid_t> FindGroup(const std::string& name);

// The folder that holds the file at `path`, which is absolute.
[[nodiscard]] std::string FolderOf(const std::string& path);

}  // namespace billbroker
