// The exit codes of the command line. Part of its contract: docs/cli.md.
#pragma once

#include "absl/status/status.h"

namespace billbroker {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,       // the reason is printed
  kExitUsage = 2,        // wrong arguments, or a malformed request
  kExitUnreachable = 3,  // no broker answers
  kExitNotFound = 4,     // no such organization, credential or live session
  kExitNeedsPerson = 5,  // BILL refused, or the keyring needs a person: repeating does not help
  kExitTryLater = 6,     // repeating helps, after the printed time if there is one
  kExitDenied = 7,       // the broker refuses this user
  kExitCannotRun = 126,  // exec: the command exists but cannot run
  kExitNoCommand = 127,  // exec: no such command
};

// Returns `status` with an exit code that does not follow from its code.
[[nodiscard]] absl::Status WithExitCode(absl::Status status, ExitCode code);

[[nodiscard]] ExitCode ExitCodeOf(const absl::Status& status);

}  // namespace billbroker
