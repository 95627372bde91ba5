#include <string>
#include <utility>
#include <vector>

#include "client/cli/credential_commands.h"
#include "client/cli/format.h"
#include "client/cli/table.h"

namespace billbroker {
namespace {

struct DiscoverOptions {
  std::string name;
  std::string organization;
  bool attach = false;
};

using Organizations = std::vector<v1::DiscoveredOrganization>;

// Attaches the missing organizations and marks them as attached. Returns their number.
absl::StatusOr<std::size_t> AttachMissing(CommandContext& context, const CredentialTarget& version,
                                          Organizations& organizations) {
  std::vector<NewOrganization> missing;
  for (const v1::DiscoveredOrganization& each : organizations) {
    if (!each.attached()) missing.push_back({each.organization_id(), {}});
  }
  if (missing.empty()) return 0;
  const absl::StatusOr<v1::Credential> changed = context.credentials.Attach(version, missing);
  if (!changed.ok()) return changed.status();
  for (v1::DiscoveredOrganization& each : organizations) each.set_attached(true);
  return missing.size();
}

Json DiscoveryJson(const std::string& name, const Organizations& organizations,
                   std::size_t newly_attached) {
  Json json = {
      {"credential", name}, {"newly_attached", newly_attached}, {"organizations", Json::array()}};
  for (const v1::DiscoveredOrganization& each : organizations) {
    json["organizations"].push_back({{"organization_id", each.organization_id()},
                                     {"display_name", each.display_name()},
                                     {"attached", each.attached()}});
  }
  return json;
}

void PrintDiscovery(const DiscoverOptions& options, const Organizations& organizations,
                    std::size_t newly_attached, std::ostream& out) {
  Table table({"ORGANIZATION", "ATTACHED", "NAME"});
  for (const v1::DiscoveredOrganization& each : organizations) {
    table.Add({each.organization_id(), each.attached() ? "yes" : "no", each.display_name()});
  }
  if (!organizations.empty()) table.Print(out);
  if (organizations.empty()) out << "BILL lists no organization\n";
  if (!options.attach) return;
  out << "attached " << Counted(static_cast<std::int64_t>(newly_attached), "organization") << " to "
      << options.name << '\n';
}

absl::Status Discover(CommandContext& context, const DiscoverOptions& options) {
  // Read before BILL is asked, so that a change by another operator meanwhile is a
  // VERSION_CONFLICT.
  const absl::StatusOr<v1::Credential> credential = context.credentials.Get(options.name);
  if (!credential.ok()) return credential.status();
  absl::StatusOr<Organizations> organizations =
      context.credentials.Discover(options.name, options.organization);
  if (!organizations.ok()) return organizations.status();
  std::size_t newly_attached = 0;
  if (options.attach) {
    const absl::StatusOr<std::size_t> attached =
        AttachMissing(context, VersionOf(*credential), *organizations);
    if (!attached.ok()) return attached.status();
    newly_attached = *attached;
  }
  return context.Print(
      DiscoveryJson(options.name, *organizations, newly_attached),
      [&](std::ostream& out) { PrintDiscovery(options, *organizations, newly_attached, out); });
}

}  // namespace

void AddCredentialDiscoverCommand(CLI::App& group, Command& command) {
  auto [app, options] = command.Add<DiscoverOptions>(
      group, "discover", "Ask BILL which organizations a credential may sign in to", Discover);
  app->add_option("name", options->name, "The credential")->required();
  app->add_option("--organization", options->organization,
                  "Ask with a session of this attached one; else the broker chooses")
      ->type_name("ID");
  app->add_flag("--attach", options->attach, "Attach the organizations that are not attached yet");
  command.AddAllowPrompt(*app);
}

}  // namespace billbroker
