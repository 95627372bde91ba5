#include "absl/strings/str_cat.h"
#include "client/cli/credential_commands.h"
#include "client/cli/credential_input.h"
#include "client/cli/format.h"

namespace billbroker {
namespace {

struct CreateOptions {
  std::string name;
  std::string environment;
  std::string kind;
  std::string username;
  std::vector<std::string> organizations;
  std::string organizations_from;
  std::string device;
  bool sync_token = false;
  bool secrets_from_stdin = false;
};

absl::Status ReadSecrets(const Io& io, const CreateOptions& options,
                         const std::vector<std::string>& ids, NewCredential& credential) {
  SecretsInput secrets;
  if (options.secrets_from_stdin) {
    absl::StatusOr<SecretsInput> read = ReadSecretsFromStdin(io.terminal, io.err);
    if (!read.ok()) return read.status();
    secrets = *std::move(read);
  }
  auto organizations = WithDevKeys(ids, std::move(secrets.organization_dev_keys));
  if (!organizations.ok()) return organizations.status();
  credential.organizations = *std::move(organizations);
  if (!options.secrets_from_stdin) return AskSecrets(io.terminal, credential);
  credential.dev_key = std::move(secrets.dev_key);
  credential.password = std::move(secrets.password);
  credential.console_api_token = std::move(secrets.console_api_token);
  credential.app_key = std::move(secrets.app_key);
  credential.remember_me_id = std::move(secrets.remember_me_id);
  return absl::OkStatus();
}

absl::Status Create(CommandContext& context, const CreateOptions& options) {
  if (!options.secrets_from_stdin && !context.io.terminal.interactive()) {
    return absl::InvalidArgumentError(
        "standard input is not a terminal, so secrets cannot be typed; pass --secrets-from-stdin "
        "and one JSON object with dev_key and password or console_api_token, for a partner also "
        "app_key");
  }
  std::vector<std::string> ids = options.organizations;
  if (!options.organizations_from.empty()) {
    const auto from_file = ReadOrganizationFile(options.organizations_from);
    if (!from_file.ok()) return from_file.status();
    ids.insert(ids.end(), from_file->begin(), from_file->end());
  }
  NewCredential credential;
  credential.name = options.name;
  credential.environment = options.environment;
  credential.kind = KindOf(options.kind);
  credential.username = options.username;
  credential.sync_token = options.sync_token;
  credential.device = options.device;
  absl::Status read = ReadSecrets(context.io, options, ids, credential);
  if (!read.ok()) return read;
  return PrintOne(context, context.credentials.Create(credential));
}

}  // namespace

void AddCredentialCreateCommand(CLI::App& group, Command& command) {
  auto [app, options] = command.Add<CreateOptions>(
      group, "create", "Store a credential; its secrets are typed or come on standard input",
      Create);
  app->add_option("name", options->name, "1 to 64 characters of a-z, 0-9 and -")->required();
  app->add_option("--environment", options->environment, "An environment of 'billbroker status'")
      ->required();
  app->add_option("--kind", options->kind, "user (password or sync token), console or partner")
      ->required()
      ->check(CLI::IsMember({"user", "console", "partner"}));
  app->add_option("--username", options->username, "The BILL user's or the sync token's name")
      ->required();
  app->add_option("--organization", options->organizations,
                  "An organization that it signs in to, of a partner ID=USER; may be repeated")
      ->allow_extra_args(false)  // the next argument may be the name
      ->type_name("ID");
  app->add_option("--organizations-from", options->organizations_from,
                  "A file with one of these a line")
      ->type_name("FILE");
  app->add_flag("--sync-token", options->sync_token, "The password is a sync token's value");
  app->add_option("--device", options->device, "The device that the rememberMeId belongs to");
  app->add_flag("--secrets-from-stdin", options->secrets_from_stdin,
                "Read the secrets as one JSON object from standard input");
  command.AddAllowPrompt(*app);
}

}  // namespace billbroker
