// The parts of `billbroker credential` that have a file of their own.
#pragma once

#include "client/cli/command.h"

namespace billbroker {

// Prints the credential that a command made, changed or was asked for, or returns why there is none.
[[nodiscard]] absl::Status PrintOne(CommandContext& context,
                                    const absl::StatusOr<v1::Credential>& credential);

void AddCredentialCreateCommand(CLI::App& group, Command& command);
// rotate, rollback, verify, resume-rotation, cancel-rotation
void AddRotationCommands(CLI::App& group, Command& command);
void AddOrganizationCommands(CLI::App& group, Command& command);  // attach, detach
void AddCredentialDiscoverCommand(CLI::App& group, Command& command);
void AddCredentialExportCommand(CLI::App& group, Command& command);
void AddCredentialImportCommand(CLI::App& group, Command& command);

}  // namespace billbroker
