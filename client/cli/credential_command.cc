#include "absl/strings/str_cat.h"
#include "client/cli/credential_commands.h"
#include "client/cli/credential_input.h"
#include "client/cli/format.h"
#include "client/cli/render.h"

namespace billbroker {
namespace {

struct ShowOptions {
  std::string name;
};

struct ListOptions {};

struct DeleteOptions {
  std::string name;
  bool force = false;
  bool yes = false;
};

absl::Status Show(CommandContext& context, const ShowOptions& options) {
  return PrintOne(context, context.credentials.Get(options.name));
}

absl::Status List(CommandContext& context, const ListOptions&) {
  const auto credentials = context.credentials.List();
  if (!credentials.ok()) return credentials.status();
  Json json = {{"credentials", Json::array()}};
  for (const v1::Credential& credential : *credentials) {
    json["credentials"].push_back(CredentialJson(credential, false));
  }
  return context.Print(json, [&](std::ostream& out) { PrintCredentials(*credentials, out); });
}

absl::Status ConfirmDelete(Terminal& terminal, const v1::Credential& credential) {
  if (!terminal.interactive()) {
    return absl::InvalidArgumentError(
        "standard input is not a terminal, so you cannot confirm; pass --yes");
  }
  const absl::StatusOr<bool> confirmed =
      Confirm(terminal,
              absl::StrCat("delete credential ", credential.name(), " of ",
                           Printable(credential.username()), " with ",
                           Counted(credential.organization_count(), "organization"), "?"),
              false);
  if (!confirmed.ok()) return confirmed.status();
  return *confirmed ? absl::OkStatus() : absl::CancelledError("not confirmed; nothing was deleted");
}

absl::Status Delete(CommandContext& context, const DeleteOptions& options) {
  const absl::StatusOr<v1::Credential> credential = context.credentials.Get(options.name);
  if (!credential.ok()) return credential.status();
  if (!options.yes) {
    const absl::Status confirmed = ConfirmDelete(context.io.terminal, *credential);
    if (!confirmed.ok()) return confirmed;
  }
  const absl::Status deleted = context.credentials.Delete(VersionOf(*credential), options.force);
  if (!deleted.ok()) return deleted;
  return context.Print({{"deleted", options.name}}, [&](std::ostream& out) {
    out << "deleted credential " << options.name << '\n';
  });
}

}  // namespace

absl::Status PrintOne(CommandContext& context, const absl::StatusOr<v1::Credential>& credential) {
  if (!credential.ok()) return credential.status();
  return context.Print(CredentialJson(*credential, true),
                       [&](std::ostream& out) { PrintCredential(*credential, out); });
}

void AddCredentialCommands(CLI::App& app, Command& command) {
  CLI::App& group =
      *app.add_subcommand("credential", "Credentials: the secrets that the broker signs in with");
  group.require_subcommand(1);
  AddCredentialCreateCommand(group, command);

  auto show = command.Add<ShowOptions>(group, "show", "One credential, without its secrets", Show);
  show.app->add_option("name", show.options->name, "The credential")->required();

  command.Add<ListOptions>(group, "list", "All credentials", List);

  auto removal = command.Add<DeleteOptions>(group, "delete", "Delete a credential", Delete);
  removal.app->add_option("name", removal.options->name, "The credential")->required();
  removal.app->add_flag("--force", removal.options->force,
                        "Also if sessions are live: log them out");
  removal.app->add_flag("--yes", removal.options->yes, "Do not ask for confirmation");
  command.AddAllowPrompt(*removal.app);

  AddRotationCommands(group, command);
  AddOrganizationCommands(group, command);
  AddCredentialDiscoverCommand(group, command);
  AddCredentialExportCommand(group, command);
  AddCredentialImportCommand(group, command);
}

}  // namespace billbroker
