#include "client/cli/command.h"
#include "client/cli/exit_code.h"

namespace billbroker {
namespace {

struct ExecOptions {
  std::string organization;
  std::string credential;
  bool require_trusted = false;
  std::vector<std::string> command;
};

// The child's environment is the only place outside of this process that receives a secret, because
// a program that does not use the broker can read it from nowhere else. docs/cli.md describes the
// risks.
absl::Status Exec(CommandContext& context, const ExecOptions& options) {
  const absl::StatusOr<ClientSession> session =
      context.sessions.GetSession(options.organization, {.credential = options.credential,
                                                         .require_trusted = options.require_trusted,
                                                         .include_dev_key = true});
  if (!session.ok()) return session.status();
  std::vector<EnvironmentVariable> variables;
  variables.push_back({"BILL_SESSION_ID", session->session_id.Clone()});
  variables.push_back({"BILL_DEV_KEY", session->dev_key.Clone()});
  variables.push_back({"BILL_BASE_URL", SecretString::CopyOf(session->base_url)});
  variables.push_back({"BILL_ORGANIZATION_ID", SecretString::CopyOf(session->organization_id)});
  const absl::Status failed = context.host.Exec(options.command, variables);
  return WithExitCode(failed, absl::IsNotFound(failed) ? kExitNoCommand : kExitCannotRun);
}

}  // namespace

void AddExecCommand(CLI::App& app, Command& command) {
  auto [exec, options] = command.Add<ExecOptions>(
      app, "exec", "Run a command with a session in its environment: exec --org ID -- COMMAND ...",
      Exec);
  exec->add_option("--org", options->organization, "The organization")->required()->type_name("ID");
  exec->add_option("--credential", options->credential,
                   "Which credential, where several serve the organization");
  exec->add_flag("--require-trusted", options->require_trusted, "Only an MFA-trusted session");
  exec->add_option("command", options->command, "The command and its arguments, behind --")
      ->required();
  exec->footer(
      "The command finds BILL_SESSION_ID, BILL_DEV_KEY, BILL_BASE_URL and BILL_ORGANIZATION_ID in "
      "its environment.");
}

}  // namespace billbroker
