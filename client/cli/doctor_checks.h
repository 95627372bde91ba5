// The checks of `billbroker doctor`, one function each.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "billbroker/v1/session.pb.h"
#include "client/channel.h"
#include "client/cli/host.h"

namespace billbroker {

enum class CheckState { kOk, kProblem, kSkipped };

// "ok", "problem", "skipped".
[[nodiscard]] absl::string_view CheckStateName(CheckState state);

struct Finding {
  std::string check;
  CheckState state = CheckState::kOk;
  std::string text;  // what was found; for kSkipped, why it was not looked at
  std::string fix;   // for kProblem
};

// What the broker said, or why it said nothing.
using BrokerStatus = absl::StatusOr<v1::GetStatusResponse>;

// Whether it is there and does not let this user ask: nothing may be guessed in its place then.
[[nodiscard]] bool IsRefusal(const BrokerStatus& status);

// Whether it answers, or does not and is this machine's, which is looked at in its place.
[[nodiscard]] bool IsKnowable(const BrokerStatus& status, const ClientOptions& broker);

// What is not known because the broker did not say it.
[[nodiscard]] Finding Untold(std::string check, const BrokerStatus& status);

[[nodiscard]] Finding CheckConfiguration(Host& host, const std::string& config_file);

[[nodiscard]] Finding CheckBroker(const BrokerStatus& status, const ClientOptions& broker);

// The broker's own locked memory where it answers, else this user's limit. Both IsKnowable().
[[nodiscard]] Finding CheckMemory(const BrokerStatus& status, const Host& host);

// Whether the audit log can be written and its head kept, as the broker says.
[[nodiscard]] Finding CheckAudit(const BrokerStatus& status);

// Bus, provider, collection and lock, in the order in which each stands on the one before. `whose`
// says which keyring `vault` is about; `bus_address` is DBUS_SESSION_BUS_ADDRESS of this process,
// or empty where the broker's own bus is meant.
[[nodiscard]] std::vector<Finding> CheckKeyring(const v1::VaultStatus& vault,
                                                absl::string_view whose,
                                                absl::string_view bus_address);

// One for each environment that the broker names, with what the configuration file adds to it. One
// that is skipped where there is no such file: the broker may trust a CA that only the file names.
// And where the broker is on another machine.
[[nodiscard]] std::vector<Finding> CheckBillHosts(const BrokerStatus& status,
                                                  const ClientOptions& broker,
                                                  const std::string& config_file, Host& host);

}  // namespace billbroker
