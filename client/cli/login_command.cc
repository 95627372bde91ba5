#include "client/cli/command.h"
#include "client/cli/credential_input.h"
#include "client/cli/exit_code.h"
#include "client/cli/format.h"
#include "client/cli/login_dialog.h"
#include "client/cli/render.h"

namespace billbroker {
namespace {

struct LoginCommandOptions {};

// Prints the error of the sign-in and lets the person choose. By default a credential that BILL
// refused is deleted, and one that could not be tried is kept.
absl::Status KeepOrDelete(CommandContext& context, const v1::Credential& credential,
                          const std::string& organization_id, const absl::Status& refusal) {
  context.io.err << "the sign-in failed: " << Printable(refusal.message()) << '\n' << std::flush;
  const bool refused = ExitCodeOf(refusal) == kExitNeedsPerson;
  const absl::StatusOr<bool> keep = Confirm(
      context.io.terminal, "keep the stored credential, to fix it or try it later?", !refused);
  if (!keep.ok()) return keep.status();
  if (*keep) {
    context.io.err << "kept; try it again: billbroker session login " << Printable(organization_id)
                   << " --credential " << credential.name() << " --force\n";
    return refusal;
  }
  const absl::Status deleted = context.credentials.Delete(VersionOf(credential), true);
  if (!deleted.ok()) return deleted;
  context.io.err << "deleted credential " << credential.name() << '\n';
  return refusal;
}

void PrintNextSteps(const std::string& name, const std::string& id, std::ostream& talk) {
  talk << "\nnext commands:\n"
       << "  billbroker session get " << id << " --credential " << name << '\n'
       << "  billbroker exec --org " << id << " --credential " << name << " -- sh -c '\n"
       << "    printf \"sessionId: %s\\ndevKey: %s\\n\" \"$BILL_SESSION_ID\" \"$BILL_DEV_KEY\" |\n"
       << "    curl -sS -H @- \"$BILL_BASE_URL/v3/login/session\"'\n"
       << "  billbroker credential show " << name << '\n';
}

absl::Status Login(CommandContext& context, const LoginCommandOptions&) {
  if (!context.io.terminal.interactive()) {
    return absl::InvalidArgumentError(
        "login asks questions, and standard input is not a terminal; use 'billbroker credential "
        "create NAME ... --secrets-from-stdin', then 'billbroker session login ID'");
  }
  const absl::StatusOr<v1::GetStatusResponse> status = context.admin.GetStatus();
  if (!status.ok()) return status.status();
  LoginDialog dialog(context.io.terminal, context.io.err, context.credentials);
  const absl::StatusOr<NewCredential> answers = dialog.Ask(*status);
  if (!answers.ok()) return answers.status();
  const absl::StatusOr<bool> confirmed = dialog.ConfirmSummary(*answers);
  if (!confirmed.ok()) return confirmed.status();
  if (!*confirmed) return absl::CancelledError("not confirmed; nothing was stored");
  const absl::StatusOr<v1::Credential> created = context.credentials.Create(*answers);
  if (!created.ok()) return created.status();
  const std::string& first = answers->organizations.front().id;
  context.io.err << "stored; signing in to " << Printable(first) << " ...\n" << std::flush;
  const absl::StatusOr<LoginResult> login =
      context.admin.Login(first, {.credential = created->name()});
  if (!login.ok()) return KeepOrDelete(context, *created, first, login.status());
  absl::Status printed = context.Print(SessionJson(login->session, false), [&](std::ostream& out) {
    out << "signed in\n";
    PrintSession(login->session, false, out);
  });
  PrintNextSteps(created->name(), Printable(first), context.io.err);
  return printed;
}

}  // namespace

void AddLoginCommand(CLI::App& app, Command& command) {
  auto login = command.Add<LoginCommandOptions>(
      app, "login", "Guided: store a BILL user's credential and sign in once to prove it", Login);
  command.AddAllowPrompt(*login.app);
}

}  // namespace billbroker
