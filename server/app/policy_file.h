// The policy's file: TOML, for people. docs/configuration.md is the reference.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/access/policy.h"

namespace billbroker {

// Errors: kInvalidArgument with a message of one line for everything that is wrong,
// "FILE:LINE: what and how to mend it"; `file` is only that name. Names of users and groups are
// looked up on this machine.
[[nodiscard]] absl::StatusOr<Policy> ParsePolicy(absl::string_view text, absl::string_view file);

// Reads the file at `path` and parses it; refuses one that others than its owner may write.
// Errors as ParsePolicy().
[[nodiscard]] absl::StatusOr<Policy> LoadPolicy(const std::string& path);

}  // namespace billbroker
