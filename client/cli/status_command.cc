#include "client/cli/command.h"
#include "client/cli/render.h"

namespace billbroker {
namespace {

struct StatusOptions {};

absl::Status Status(CommandContext& context, const StatusOptions&) {
  const absl::StatusOr<v1::GetStatusResponse> status = context.admin.GetStatus();
  if (!status.ok()) return status.status();
  return context.Print(StatusJson(*status),
                       [&](std::ostream& out) { PrintStatus(*status, context.clock.Now(), out); });
}

}  // namespace

void AddStatusCommand(CLI::App& app, Command& command) {
  command.Add<StatusOptions>(app, "status", "The broker, its keyring, sessions and environments",
                             Status);
}

}  // namespace billbroker
