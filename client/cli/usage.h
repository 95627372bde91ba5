// What is wrong with arguments, said without repeating what could be a secret.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace billbroker {

// INVALID_ARGUMENT where an argument before "--" tries to pass a secret, such as --password.
[[nodiscard]] absl::Status RefuseSecretArguments(const std::vector<std::string>& args);

// The error that `app` found. Names options and what stands where a command should, never a value
// that no option is known for.
[[nodiscard]] absl::Status UsageError(const CLI::App& app, const CLI::ParseError& error);

}  // namespace billbroker
