// The checks of `billbroker doctor`, one function each.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "billbroker/v1/session.pb.h"
#include "client/channel.h"
#include "client/cli/host.h"

namespace billbroker {

enum class CheckState { kOk, kProblem, kSkipped };

// Returns "ok", "problem" or "skipped".
[[nodiscard]] absl::string_view CheckStateName(CheckState state);

struct Finding {
  std::string check;
  CheckState state = CheckState::kOk;
  std::string text;  // the result; for kSkipped, the reason
  std::string fix;   // for kProblem
};

// The broker's answer, or the error.
using BrokerStatus = absl::StatusOr<v1::GetStatusResponse>;

// Returns true if the broker refuses this user: then nothing is checked in its place.
[[nodiscard]] bool IsRefusal(const BrokerStatus& status);

// Returns true if the broker answers, or if it does not answer and is on this machine, which is
// checked in its place.
[[nodiscard]] bool IsKnowable(const BrokerStatus& status, const ClientOptions& broker);

// Returns a skipped finding for a fact that the broker did not return.
[[nodiscard]] Finding Untold(std::string check, const BrokerStatus& status);

[[nodiscard]] Finding CheckConfiguration(Host& host, const std::string& config_file);

[[nodiscard]] Finding CheckBroker(const BrokerStatus& status, const ClientOptions& broker);

// Checks the broker's locked memory if the broker answers, else this user's limit. Requires:
// IsKnowable().
[[nodiscard]] Finding CheckMemory(const BrokerStatus& status, const Host& host);

// Checks that the audit log can be written and its head kept, according to the broker.
[[nodiscard]] Finding CheckAudit(const BrokerStatus& status);

// Checks whether the session store can be opened and written, according to the broker.
[[nodiscard]] Finding CheckStore(const BrokerStatus& status);

// Checks bus, provider, collection and lock; each depends on the previous one. `whose` names the
// keyring that `vault` describes. `bus_address` is this process's DBUS_SESSION_BUS_ADDRESS, or
// empty for the broker's own bus.
[[nodiscard]] std::vector<Finding> CheckKeyring(const v1::VaultStatus& vault,
                                                absl::string_view whose,
                                                absl::string_view bus_address);

// Returns [keyring] allow_plain_transfer of the configuration file; nullopt if there is no such
// file, or if it cannot be read.
[[nodiscard]] absl::optional<bool> AllowsPlainTransfer(const std::string& config_file);

// Checks each environment of the broker, with its settings in the configuration file. Returns a
// skipped finding without such a file, because the broker may trust a CA that only the file names,
// and for a broker on another machine.
[[nodiscard]] std::vector<Finding> CheckBillHosts(const BrokerStatus& status,
                                                  const ClientOptions& broker,
                                                  const std::string& config_file, Host& host);

}  // namespace billbroker
