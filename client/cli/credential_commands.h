// The parts of `billbroker credential` that have their own files.
#pragma once

#include "client/cli/command.h"

namespace billbroker {

// Prints the credential that a command created, changed or read, or returns the error.
[[nodiscard]] absl::Status PrintOne(CommandContext& context,
                                    const absl::StatusOr<v1::Credential>& credential);

void AddCredentialCreateCommand(CLI::App& group, Command& command);
// Adds rotate, rollback, verify, resume-rotation and cancel-rotation.
void AddRotationCommands(CLI::App& group, Command& command);
void AddOrganizationCommands(CLI::App& group, Command& command);  // attach, detach
void AddCredentialDiscoverCommand(CLI::App& group, Command& command);
void AddCredentialExportCommand(CLI::App& group, Command& command);
void AddCredentialImportCommand(CLI::App& group, Command& command);

}  // namespace billbroker
