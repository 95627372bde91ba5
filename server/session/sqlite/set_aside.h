// Renames files that are kept for an inquiry but no longer used.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace billbroker {

// Returns the free path NAME.aside-<UTC time> that SetAside() would use now.
[[nodiscard]] std::string AsidePath(const std::string& path, absl::Time now);

// Renames the file at `path`, and SQLite's files beside it, to AsidePath(). Returns the new path;
// empty if there was nothing. If a rename fails, none of the files has a new name.
[[nodiscard]] absl::StatusOr<std::string> SetAside(const std::string& path, absl::Time now);

// Undoes SetAside(), which returned `aside`.
[[nodiscard]] absl::Status PutBack(const std::string& aside, const std::string& path);

}  // namespace billbroker
