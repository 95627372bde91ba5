// Waiting until a new version of a credential has come everywhere.
#pragma once

#include "absl/status/status.h"
#include "client/cli/command.h"

namespace billbroker {

// Returns once every live session of the credential is of its newest version and every watcher has
// been told, and says so; DEADLINE_EXCEEDED with how far it came after `longest`. Each step is told
// on the error stream.
[[nodiscard]] absl::Status AwaitRollout(CommandContext& context, const v1::Credential& credential,
                                        absl::Duration longest);

}  // namespace billbroker
