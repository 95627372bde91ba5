#include <toml++/toml.h>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "client/cli/broker_address.h"
#include "client/cli/doctor_checks.h"

namespace billbroker {
namespace {

// Returns nullopt if the file cannot be read; CheckConfiguration() reports the cause.
absl::optional<toml::table> Read(const std::string& config_file) {
  try {
    return toml::parse_file(config_file);
  } catch (const toml::parse_error&) {
    return absl::nullopt;
  }
}

// Adds ca_file and proxy of the configuration's [environments.NAME], which the broker does not
// return.
BillEndpoint EndpointOf(const v1::EnvironmentStatus& environment, const toml::table& config) {
  const auto configured = config["environments"][environment.name()];
  return {environment.name(), environment.base_url(), configured["ca_file"].value_or(std::string()),
          configured["proxy"].value_or(std::string())};
}

std::vector<Finding> Skipped(const std::string& why) {
  return {{"bill", CheckState::kSkipped, why, ""}};
}

Finding CheckHost(const BillEndpoint& endpoint, Host& host) {
  const std::string check = absl::StrCat("bill ", endpoint.name);
  const absl::Status reached = host.Reach(endpoint);
  if (reached.ok()) {
    return {check, CheckState::kOk, absl::StrCat(endpoint.base_url, " answers over TLS"), ""};
  }
  return {check, CheckState::kProblem, absl::StrCat(endpoint.base_url, ": ", reached.message()),
          "let this machine reach the host (name service, firewall), and where it has a proxy or a "
          "certificate of its own CA name that in the configuration"};
}

}  // namespace

absl::optional<bool> AllowsPlainTransfer(const std::string& config_file) {
  if (config_file.empty()) return absl::nullopt;
  const absl::optional<toml::table> config = Read(config_file);
  if (!config.has_value()) return absl::nullopt;
  return (*config)["keyring"]["allow_plain_transfer"].value_or(false);
}

std::vector<Finding> CheckBillHosts(const BrokerStatus& status, const ClientOptions& broker,
                                    const std::string& config_file, Host& host) {
  if (IsRefusal(status)) return Skipped("the broker does not show this user its environments");
  if (!status.ok()) return Skipped("the broker, which has the environments, is silent");
  if (!IsOnThisMachine(broker)) {
    return Skipped("BILL's hosts are reached from the broker's machine; run doctor there");
  }
  if (config_file.empty()) {
    return Skipped(
        "the broker may trust a CA of its own or use a proxy; --config FILE with its configuration "
        "checks the way to BILL's hosts");
  }
  const absl::optional<toml::table> config = Read(config_file);
  if (!config.has_value()) return Skipped("depends on the configuration, which cannot be read");
  std::vector<Finding> findings;
  for (const v1::EnvironmentStatus& environment : status->environments()) {
    findings.push_back(CheckHost(EndpointOf(environment, *config), host));
  }
  return findings;
}

}  // namespace billbroker
