// What a configuration needs of the machine that it is used on.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/app/config.h"

namespace billbroker {

// The folders that the daemon writes to and its store, with their modes; the CA files, the sockets'
// groups, the policy, and the certificates at `now`. Changes nothing. kFailedPrecondition with a
// line for everything that is wrong.
[[nodiscard]] absl::Status CheckHost(const Config& config, absl::Time now);

// Makes `path`, readable to this user alone, where it is missing and its parent is not.
[[nodiscard]] absl::Status MakeFolder(const std::string& path);

// The session store's file.
[[nodiscard]] std::string StorePath(const Config& config);

// The folder that holds the file at `path`, which is absolute.
[[nodiscard]] std::string FolderOf(const std::string& path);

}  // namespace billbroker
