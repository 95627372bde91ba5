// Checks and prepares the files of the machine that a configuration needs.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/app/config.h"

namespace billbroker {

// Checks the daemon's folders and its store with their modes, the CA files, the sockets' groups,
// the policy, and the certificates at `now`. Changes nothing. Fails with kFailedPrecondition and
// one line for each error.
[[nodiscard]] absl::Status CheckHost(const Config& config, absl::Time now);

// Creates the folder `path`, readable only by this user, if it is missing and its parent exists.
[[nodiscard]] absl::Status MakeFolder(const std::string& path);

// Returns the path of the session store.
[[nodiscard]] std::string StorePath(const Config& config);

// Returns the folder of the file at `path`, which is absolute.
[[nodiscard]] std::string FolderOf(const std::string& path);

}  // namespace billbroker
