// The parts of `billbroker credential` that have a file of their own.
#pragma once

#include "client/cli/command.h"

namespace billbroker {

void AddCredentialCreateCommand(CLI::App& group, Command& command);
// rotate, rollback, verify, resume-rotation, cancel-rotation
void AddRotationCommands(CLI::App& group, Command& command);
void AddOrganizationCommands(CLI::App& group, Command& command);  // attach, detach
void AddCredentialDiscoverCommand(CLI::App& group, Command& command);
void AddCredentialExportCommand(CLI::App& group, Command& command);
void AddCredentialImportCommand(CLI::App& group, Command& command);

}  // namespace billbroker
