#include <toml++/toml.h>

#include "absl/strings/str_cat.h"
#include "client/cli/doctor_checks.h"

namespace billbroker {
namespace {

// The configuration's [environments.NAME] ca_file and proxy: the broker does not tell them.
// Whatever is wrong with the file is for CheckConfiguration() to say.
void AddConfigured(const std::string& config_file, BillEndpoint& endpoint) {
  try {
    const toml::table config = toml::parse_file(config_file);
    const auto environment = config["environments"][endpoint.name];
    endpoint.ca_file = environment["ca_file"].value_or(std::string());
    endpoint.proxy = environment["proxy"].value_or(std::string());
  } catch (const toml::parse_error&) {
  }
}

Finding CheckHost(const BillEndpoint& endpoint, Host& host) {
  const std::string check = absl::StrCat("bill ", endpoint.name);
  const absl::Status reached = host.Reach(endpoint);
  if (reached.ok()) {
    return {check, CheckState::kOk, absl::StrCat(endpoint.base_url, " answers over TLS"), ""};
  }
  return {check, CheckState::kProblem, absl::StrCat(endpoint.base_url, ": ", reached.message()),
          "let this machine reach the host (name service, firewall), and where it has a proxy or a "
          "certificate of its own CA name that in the configuration; --config FILE makes this "
          "check use it"};
}

}  // namespace

std::vector<Finding> CheckBillHosts(const BrokerStatus& status, const std::string& config_file,
                                    Host& host) {
  if (!status.ok()) {
    return {
        {"bill", CheckState::kSkipped, "the broker, which knows the environments, is silent", ""}};
  }
  std::vector<Finding> findings;
  for (const v1::EnvironmentStatus& environment : status->environments()) {
    BillEndpoint endpoint{environment.name(), environment.base_url(), "", ""};
    if (!config_file.empty()) AddConfigured(config_file, endpoint);
    findings.push_back(CheckHost(endpoint, host));
  }
  return findings;
}

}  // namespace billbroker
