#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/credential_commands.h"
#include "client/cli/credential_input.h"
#include "client/cli/rotation_progress.h"

namespace billbroker {
namespace {

struct RotateOptions {
  std::string name;
  std::vector<std::string> fields;
  std::string username;
  std::string device;
  std::string organization;
  bool no_verify = false;
  bool end_sessions = false;
  bool secrets_from_stdin = false;
  bool wait = false;
  absl::Duration wait_timeout = absl::Minutes(5);
};

struct RollbackOptions {
  std::string name;
  std::string organization;
  bool no_verify = false;
  bool end_sessions = false;
  bool wait = false;
  absl::Duration wait_timeout = absl::Minutes(5);
};

struct VerifyOptions {
  std::string name;
  std::string organization;
};

struct ResumeOptions {
  std::string name;
};

struct CancelOptions {
  std::string name;
};

// The secrets that a rotation may replace, with their names in JSON and in the broker's errors.
struct SecretField {
  const char* name;
  const char* prompt;
  absl::optional<SecretString> CredentialRotation::*in_rotation;
  SecretString SecretsInput::*in_input;
};

constexpr SecretField kFields[] = {
    {"dev_key", "new devKey (not shown): ", &CredentialRotation::dev_key, &SecretsInput::dev_key},
    {"password", "new password (not shown): ", &CredentialRotation::password,
     &SecretsInput::password},
    {"console_api_token", "new API token (not shown): ", &CredentialRotation::console_api_token,
     &SecretsInput::console_api_token},
    {"app_key", "new appKey (not shown): ", &CredentialRotation::app_key, &SecretsInput::app_key},
    {"remember_me_id", "new rememberMeId (not shown): ", &CredentialRotation::remember_me_id,
     &SecretsInput::remember_me_id}};

std::vector<std::string> FieldNames() {
  std::vector<std::string> names;
  for (const SecretField& field : kFields) names.emplace_back(field.name);
  return names;
}

absl::Status AskFields(Terminal& terminal, const std::vector<std::string>& names,
                       CredentialRotation& rotation) {
  if (!names.empty() && !terminal.interactive()) {
    return absl::InvalidArgumentError(
        "standard input is not a terminal, so secrets cannot be typed; pass --secrets-from-stdin "
        "and one JSON object with the new ones");
  }
  for (const SecretField& field : kFields) {
    if (std::find(names.begin(), names.end(), field.name) == names.end()) continue;
    absl::StatusOr<SecretString> secret = AskSecret(terminal, field.prompt);
    if (!secret.ok()) return secret.status();
    rotation.*field.in_rotation = *std::move(secret);
  }
  return absl::OkStatus();
}

absl::Status ReadFields(const Io& io, const std::vector<std::string>& names,
                        CredentialRotation& rotation) {
  if (!names.empty()) {
    return absl::InvalidArgumentError(
        "the JSON object on standard input names the new secrets; leave the names out of the "
        "arguments");
  }
  absl::StatusOr<SecretsInput> input = ReadSecretsFromStdin(io.terminal, io.err);
  if (!input.ok()) return input.status();
  for (const SecretField& field : kFields) {
    SecretString& secret = (*input).*field.in_input;
    if (!secret.empty()) rotation.*field.in_rotation = std::move(secret);
  }
  for (auto& [id, dev_key] : input->organization_dev_keys) {
    rotation.organizations.push_back({id, std::move(dev_key)});
  }
  return absl::OkStatus();
}

// Prints the credential, and waits for the roll-out if requested.
absl::Status Finish(CommandContext& context, const absl::StatusOr<v1::Credential>& changed,
                    const auto& options) {
  if (absl::Status printed = PrintOne(context, changed); !printed.ok()) return printed;
  return options.wait ? AwaitRollout(context, *changed, options.wait_timeout) : absl::OkStatus();
}

absl::Status Rotate(CommandContext& context, const RotateOptions& options) {
  // The operator means the version that was stored before the secrets were typed.
  const absl::StatusOr<v1::Credential> credential = context.credentials.Get(options.name);
  if (!credential.ok()) return credential.status();
  CredentialRotation rotation;
  if (!options.username.empty()) rotation.username = options.username;
  if (!options.device.empty()) rotation.device = options.device;
  absl::Status read = options.secrets_from_stdin
                          ? ReadFields(context.io, options.fields, rotation)
                          : AskFields(context.io.terminal, options.fields, rotation);
  if (!read.ok()) return read;
  return Finish(
      context,
      context.credentials.Rotate(VersionOf(*credential), rotation,
                                 {options.organization, !options.no_verify, options.end_sessions}),
      options);
}

absl::Status Rollback(CommandContext& context, const RollbackOptions& options) {
  const absl::StatusOr<v1::Credential> credential = context.credentials.Get(options.name);
  if (!credential.ok()) return credential.status();
  return Finish(
      context,
      context.credentials.Rollback(
          VersionOf(*credential), {options.organization, !options.no_verify, options.end_sessions}),
      options);
}

absl::Status Verify(CommandContext& context, const VerifyOptions& options) {
  const absl::StatusOr<v1::Credential> credential = context.credentials.Get(options.name);
  if (!credential.ok()) return credential.status();
  const absl::Status verified =
      context.credentials.Verify(VersionOf(*credential), options.organization);
  if (!verified.ok()) return verified;
  return context.Print({{"verified", options.name}, {"version", credential->version()}},
                       [&](std::ostream& out) {
                         out << "BILL accepts version " << credential->version()
                             << " of credential " << options.name << '\n';
                       });
}

absl::StatusOr<std::string> PendingOf(const v1::Credential& credential) {
  if (credential.has_pending_rotation()) return credential.pending_rotation().rotation_id();
  return absl::FailedPreconditionError(absl::StrCat(
      "credential ", credential.name(), " has no rotation pending; it has version ",
      credential.version(), ", and a rotation that its history lacks may be repeated"));
}

absl::Status Resume(CommandContext& context, const ResumeOptions& options) {
  const absl::StatusOr<v1::Credential> credential = context.credentials.Get(options.name);
  if (!credential.ok()) return credential.status();
  const absl::StatusOr<std::string> id = PendingOf(*credential);
  if (!id.ok()) return id.status();
  return PrintOne(context, context.credentials.ResumeRotation(VersionOf(*credential), *id));
}

absl::Status Cancel(CommandContext& context, const CancelOptions& options) {
  const absl::StatusOr<v1::Credential> credential = context.credentials.Get(options.name);
  if (!credential.ok()) return credential.status();
  const absl::StatusOr<std::string> id = PendingOf(*credential);
  if (!id.ok()) return id.status();
  return PrintOne(context, context.credentials.CancelRotation(VersionOf(*credential), *id));
}

template <typename Options>
void AddProofOptions(CLI::App& app, Options& options) {
  app.add_option("--organization", options.organization,
                 "Prove it by a sign-in to this organization; default: the first");
  app.add_flag("--no-verify", options.no_verify, "Make it take effect without proof");
  app.add_flag("--end-sessions", options.end_sessions,
               "After a compromise: also end every session of the credential");
  app.add_flag("--wait", options.wait,
               "Wait until every live session is of the new version, and every watcher notified");
  AddDurationOption(app, "--wait-timeout", options.wait_timeout, "The longest wait; default: 5m");
}

}  // namespace

void AddRotationCommands(CLI::App& group, Command& command) {
  auto rotate = command.Add<RotateOptions>(
      group, "rotate", "Replace secrets: proved at BILL before they take effect", Rotate);
  rotate.app->add_option("name", rotate.options->name, "The credential")->required();
  rotate.app->add_option("fields", rotate.options->fields, "The secrets to replace")
      ->check(CLI::IsMember(FieldNames()));
  rotate.app->add_option("--username", rotate.options->username, "Another user name");
  rotate.app->add_option("--device", rotate.options->device, "The device of the rememberMeId");
  rotate.app->add_flag("--secrets-from-stdin", rotate.options->secrets_from_stdin,
                       "Read the new secrets as one JSON object from standard input");
  AddProofOptions(*rotate.app, *rotate.options);
  command.AddAllowPrompt(*rotate.app);

  auto rollback = command.Add<RollbackOptions>(
      group, "rollback", "Restore the secrets that the newest rotation replaced", Rollback);
  rollback.app->add_option("name", rollback.options->name, "The credential")->required();
  AddProofOptions(*rollback.app, *rollback.options);
  command.AddAllowPrompt(*rollback.app);

  auto verify =
      command.Add<VerifyOptions>(group, "verify", "Prove a credential by a sign-in", Verify);
  verify.app->add_option("name", verify.options->name, "The credential")->required();
  verify.app->add_option("--organization", verify.options->organization,
                         "Sign in to this one; else to the first");

  auto resume = command.Add<ResumeOptions>(group, "resume-rotation",
                                           "Prove a pending rotation once more", Resume);
  resume.app->add_option("name", resume.options->name, "The credential")->required();
  command.AddAllowPrompt(*resume.app);

  auto cancel =
      command.Add<CancelOptions>(group, "cancel-rotation", "Forget a pending rotation", Cancel);
  cancel.app->add_option("name", cancel.options->name, "The credential")->required();
  command.AddAllowPrompt(*cancel.app);
}

}  // namespace billbroker
