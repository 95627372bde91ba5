// RunCli: the program `billbroker` without its process.
#pragma once

#include <string>
#include <vector>

#include "client/cli/command.h"

namespace billbroker {

// Runs the command that `args` (without the program's name) name; returns an ExitCode. Output that
// cannot be written is a failure, even if the command succeeded.
[[nodiscard]] int RunCli(const std::vector<std::string>& args, Io& io, Host& host,
                         KeyringProbe& keyring, const Clock& clock);

}  // namespace billbroker
