// Errors about arguments, without values that could be secrets.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace billbroker {

// Fails with INVALID_ARGUMENT if an argument before "--" passes a secret, such as --password.
[[nodiscard]] absl::Status RefuseSecretArguments(const std::vector<std::string>& args);

// Returns the error that `app` found. Names options and words in the place of a command, but never
// a value without a known option.
[[nodiscard]] absl::Status UsageError(const CLI::App& app, const CLI::ParseError& error);

}  // namespace billbroker
