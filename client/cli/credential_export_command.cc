#include <set>
#include <string>
#include <vector>

#include "client/cli/credential_commands.h"
#include "client/cli/format.h"

namespace billbroker {
namespace {

struct ExportOptions {
  std::vector<std::string> names;
};

// Returns the input of 'credential import', without the secrets.
Json ExportJson(const v1::Credential& credential) {
  Json json = {{"name", credential.name()},
               {"environment", credential.environment()},
               {"kind", EnumWord(v1::CredentialKind_Name(credential.kind()), "CREDENTIAL_KIND_")},
               {"username", credential.username()},
               {"sync_token", credential.sync_token()},
               {"device", credential.device()},
               {"organizations", Json::array()}};
  for (const v1::Organization& organization : credential.organizations()) {
    Json& entry = json["organizations"].emplace_back(Json{{"id", organization.organization_id()}});
    if (!organization.user_id().empty()) entry["user_id"] = organization.user_id();
  }
  return json;
}

absl::StatusOr<std::vector<std::string>> AllNames(CredentialClient& credentials) {
  const absl::StatusOr<std::vector<v1::Credential>> all = credentials.List();
  if (!all.ok()) return all.status();
  std::vector<std::string> names;
  for (const v1::Credential& credential : *all) names.push_back(credential.name());
  return names;
}

absl::Status Export(CommandContext& context, const ExportOptions& options) {
  absl::StatusOr<std::vector<std::string>> names = options.names;
  if (names->empty()) names = AllNames(context.credentials);
  if (!names.ok()) return names.status();
  Json json = {{"credentials", Json::array()}};
  std::set<std::string> seen;  // import would refuse a duplicate
  for (const std::string& name : *names) {
    if (!seen.insert(name).second) continue;
    const absl::StatusOr<v1::Credential> credential = context.credentials.Get(name);
    if (!credential.ok()) return credential.status();
    json["credentials"].push_back(ExportJson(*credential));
  }
  // Always JSON, because import reads it.
  PrintJson(json, context.io.out);
  return absl::OkStatus();
}

}  // namespace

void AddCredentialExportCommand(CLI::App& group, Command& command) {
  auto [app, options] = command.Add<ExportOptions>(
      group, "export", "Credentials without their secrets, as JSON for import", Export);
  app->add_option("names", options->names, "The credentials; all where none is named");
}

}  // namespace billbroker
