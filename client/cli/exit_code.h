// What the command line's exit code says. Part of its contract: docs/cli.md.
#pragma once

#include "absl/status/status.h"

namespace billbroker {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,       // the reason is printed
  kExitUsage = 2,        // wrong arguments, or a request out of shape
  kExitUnreachable = 3,  // no broker answers
  kExitNotFound = 4,     // no such organization, credential or live session
  kExitNeedsPerson = 5,  // BILL refused, or the keyring needs a person: repeating does not help
  kExitTryLater = 6,     // repeating helps, after the time that is printed if one is
  kExitDenied = 7,       // the broker does not let this user
  kExitCannotRun = 126,  // exec: the command is there and will not run
  kExitNoCommand = 127,  // exec: no such command
};

// `status` with an exit code that its code alone does not tell.
[[nodiscard]] absl::Status WithExitCode(absl::Status status, ExitCode code);

[[nodiscard]] ExitCode ExitCodeOf(const absl::Status& status);

}  // namespace billbroker
