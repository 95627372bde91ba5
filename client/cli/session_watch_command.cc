#include "client/cli/command.h"
#include "client/cli/render.h"

namespace billbroker {
namespace {

struct SessionWatchOptions {
  std::vector<std::string> organizations;
  std::string credential;
  bool keep_warm = false;
};

absl::Status Watch(CommandContext& context, const SessionWatchOptions& options) {
  WatchOptions watch;
  watch.keep_warm = options.keep_warm;
  for (const std::string& id : options.organizations) {
    watch.organizations.push_back({id, options.credential});
  }
  return context.admin.WatchSessions(
      watch, [&](const WatchedOrganization& which, const absl::StatusOr<ClientSession>& state) {
        const absl::Time now = context.clock.Now();
        if (context.options.json) {
          PrintJsonLine(WatchJson(which, state, now), context.io.out);
        } else {
          PrintWatchLine(which, state, now, context.io.out);
        }
        // Flushes into a pipe too: each line is a change. RunCli() reports that the output was
        // lost.
        return static_cast<bool>(context.io.out.flush());
      });
}

}  // namespace

void AddSessionWatchCommand(CLI::App& group, Command& command) {
  auto [app, options] = command.Add<SessionWatchOptions>(
      group, "watch", "One line for each state and each change, until Ctrl-C", Watch);
  app->add_option("organizations", options->organizations, "The organizations' ids")
      ->required()
      ->type_name("ORG");
  app->add_option("--credential", options->credential, "Which credential, where several serve");
  app->add_flag("--keep-warm", options->keep_warm,
                "Sign in, and keep the sessions alive meanwhile");
}

}  // namespace billbroker
