// RunCli: the program `billbroker` without its process.
#pragma once

#include <string>
#include <vector>

#include "client/cli/command.h"

namespace billbroker {

// Runs the command that `args` (without the program's name) say; returns an ExitCode.
// Output that cannot be written is a failure, whatever the command did.
[[nodiscard]] int RunCli(const std::vector<std::string>& args, Io& io, Host& host,
                         KeyringProbe& keyring, const Clock& clock);

}  // namespace billbroker
