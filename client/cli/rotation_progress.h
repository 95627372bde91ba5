// AwaitRollout: waits until a new version of a credential is used everywhere.
#pragma once

#include "absl/status/status.h"
#include "client/cli/command.h"

namespace billbroker {

// Prints each step to the error stream. Returns once every live session of the credential has its
// newest version and every watcher was notified. After `longest` fails with DEADLINE_EXCEEDED and
// the progress.
[[nodiscard]] absl::Status AwaitRollout(CommandContext& context, const v1::Credential& credential,
                                        absl::Duration longest);

}  // namespace billbroker
