#include <iterator>

#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/doctor_checks.h"
#include "client/cli/format.h"
#include "client/cli/table.h"

namespace billbroker {
namespace {

struct DoctorOptions {
  std::string config_file;
};

// Probes this user's keyring as the broker of that configuration does.
v1::VaultStatus ProbeKeyring(KeyringProbe& keyring, const std::string& config_file) {
  const absl::optional<bool> allow_plain = AllowsPlainTransfer(config_file);
  v1::VaultStatus vault = keyring.Probe(allow_plain.value_or(false));
  if (!allow_plain.has_value() && vault.state() == v1::VAULT_STATE_NOT_ENCRYPTED) {
    vault.set_fix(absl::StrCat(
        "if the broker's configuration has [keyring] allow_plain_transfer = true, name it with "
        "--config FILE; otherwise ",
        vault.fix()));
  }
  return vault;
}

// Checks the broker's keyring if the broker answers: it may run in another session than this
// user's.
std::vector<Finding> FindKeyring(CommandContext& context, const BrokerStatus& status,
                                 const std::string& config_file) {
  if (!IsKnowable(status, context.broker)) return {Untold("keyring", status)};
  if (status.ok()) return CheckKeyring(status->vault(), "the broker's keyring", "");
  return CheckKeyring(ProbeKeyring(context.keyring, config_file), "your keyring",
                      context.host.Getenv("DBUS_SESSION_BUS_ADDRESS")
                          .value_or("DBUS_SESSION_BUS_ADDRESS is not set"));
}

std::vector<Finding> Examine(CommandContext& context, const DoctorOptions& options) {
  const BrokerStatus status = context.admin.GetStatus();
  std::vector<Finding> findings = {
      CheckConfiguration(context.host, options.config_file), CheckBroker(status, context.broker),
      IsKnowable(status, context.broker) ? CheckMemory(status, context.host)
                                         : Untold("memlock", status),
      CheckAudit(status), CheckStore(status)};
  const auto append = [&findings](std::vector<Finding> more) {
    std::move(more.begin(), more.end(), std::back_inserter(findings));
  };
  append(FindKeyring(context, status, options.config_file));
  append(CheckBillHosts(status, context.broker, options.config_file, context.host));
  return findings;
}

Json FindingsJson(const std::vector<Finding>& findings, bool ok) {
  Json json = {{"ok", ok}, {"checks", Json::array()}};
  for (const Finding& finding : findings) {
    json["checks"].push_back({{"check", finding.check},
                              {"state", std::string(CheckStateName(finding.state))},
                              {"finding", finding.text},
                              {"fix", finding.fix}});
  }
  return json;
}

void PrintFindings(const std::vector<Finding>& findings, std::ostream& out) {
  Table table;
  for (const Finding& finding : findings) {
    table.Add({std::string(CheckStateName(finding.state)), finding.check, finding.text});
    if (!finding.fix.empty()) table.Add({"", "", absl::StrCat("fix: ", finding.fix)});
  }
  table.Print(out);
}

absl::Status Doctor(CommandContext& context, const DoctorOptions& options) {
  const std::vector<Finding> findings = Examine(context, options);
  std::int64_t problems = 0;
  for (const Finding& finding : findings) problems += finding.state == CheckState::kProblem ? 1 : 0;
  absl::Status printed = context.Print(FindingsJson(findings, problems == 0),
                                       [&](std::ostream& out) { PrintFindings(findings, out); });
  if (!printed.ok() || problems == 0) return printed;
  return absl::FailedPreconditionError(
      absl::StrCat(Counted(problems, "check"), " found a problem; each is listed with its fix"));
}

}  // namespace

void AddDoctorCommand(CLI::App& app, Command& command) {
  auto [doctor, options] = command.Add<DoctorOptions>(
      app, "doctor", "Check everything that the broker needs, and print the fix for each problem",
      Doctor);
  doctor->add_option("--config", options->config_file, "The broker's configuration, to check too")
      ->type_name("FILE");
}

}  // namespace billbroker
