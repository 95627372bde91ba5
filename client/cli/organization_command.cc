#include <utility>

#include "client/cli/credential_commands.h"
#include "client/cli/credential_input.h"

namespace billbroker {
namespace {

struct AttachOptions {
  std::string name;
  std::vector<std::string> ids;
  std::string from;  // a file, or "-"
  bool secrets_from_stdin = false;
};

struct DetachOptions {
  std::string name;
  std::vector<std::string> ids;
};

absl::StatusOr<std::map<std::string, SecretString>> ReadDevKeys(const Io& io) {
  absl::StatusOr<SecretsInput> secrets = ReadSecretsFromStdin(io.terminal, io.err);
  if (!secrets.ok()) return secrets.status();
  if (!secrets->dev_key.empty() || !secrets->password.empty() ||
      !secrets->console_api_token.empty() || !secrets->app_key.empty() ||
      !secrets->remember_me_id.empty()) {
    return absl::InvalidArgumentError(
        "attach takes organization_dev_keys and no other secret on standard input");
  }
  return std::move(secrets->organization_dev_keys);
}

// Returns the ids of the arguments, and of the file if one is named.
absl::StatusOr<std::vector<std::string>> IdsToAttach(Terminal& terminal,
                                                     const AttachOptions& options) {
  if (options.from.empty() && options.ids.empty()) {
    return absl::InvalidArgumentError("name organizations, or a file of them with --from");
  }
  if (options.from.empty()) return options.ids;
  if (options.from == "-" && options.secrets_from_stdin) {
    return absl::InvalidArgumentError(
        "standard input cannot hold both ids and secrets; give --from a file");
  }
  absl::StatusOr<std::vector<std::string>> ids = ReadOrganizationIds(options.from, terminal);
  if (ids.ok()) ids->insert(ids->begin(), options.ids.begin(), options.ids.end());
  return ids;
}

absl::Status Attach(CommandContext& context, const AttachOptions& options) {
  const absl::StatusOr<std::vector<std::string>> ids = IdsToAttach(context.io.terminal, options);
  if (!ids.ok()) return ids.status();
  std::map<std::string, SecretString> dev_keys;
  if (options.secrets_from_stdin) {
    auto read = ReadDevKeys(context.io);
    if (!read.ok()) return read.status();
    dev_keys = *std::move(read);
  }
  const auto organizations = WithDevKeys(*ids, std::move(dev_keys));
  if (!organizations.ok()) return organizations.status();
  const absl::StatusOr<v1::Credential> credential = context.credentials.Get(options.name);
  if (!credential.ok()) return credential.status();
  return PrintOne(context, context.credentials.Attach(VersionOf(*credential), *organizations));
}

absl::Status Detach(CommandContext& context, const DetachOptions& options) {
  const absl::StatusOr<v1::Credential> credential = context.credentials.Get(options.name);
  if (!credential.ok()) return credential.status();
  return PrintOne(context, context.credentials.Detach(VersionOf(*credential), options.ids));
}

}  // namespace

void AddOrganizationCommands(CLI::App& group, Command& command) {
  auto attach = command.Add<AttachOptions>(
      group, "attach", "Add organizations to a credential, or give them another devKey or user",
      Attach);
  attach.app->add_option("name", attach.options->name, "The credential")->required();
  attach.app->add_option("ids", attach.options->ids, "Organization ids; of a partner ID=USER");
  attach.app
      ->add_option("--from", attach.options->from,
                   "More of them from a file, one a line; - for standard input")
      ->type_name("FILE");
  attach.app->add_flag("--secrets-from-stdin", attach.options->secrets_from_stdin,
                       "Read {\"organization_dev_keys\": {\"ID\": \"KEY\"}} from standard input");
  command.AddAllowPrompt(*attach.app);

  auto detach = command.Add<DetachOptions>(
      group, "detach", "Take organizations away; their sessions are logged out", Detach);
  detach.app->add_option("name", detach.options->name, "The credential")->required();
  detach.app->add_option("ids", detach.options->ids, "Organization ids")->required();
  command.AddAllowPrompt(*detach.app);
}

}  // namespace billbroker
