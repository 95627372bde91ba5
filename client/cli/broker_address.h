// The address of the broker, and the likely causes if no broker answers there.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "client/channel.h"
#include "client/cli/command.h"
#include "client/cli/host.h"

namespace billbroker {

// Returns the address of the options, else of the environment (BILLBROKER_ADDRESS,
// BILLBROKER_SOCKET, and for an address BILLBROKER_CA_FILE, BILLBROKER_CERTIFICATE_FILE,
// BILLBROKER_KEY_FILE), else the socket of an installed broker. Fails with INVALID_ARGUMENT if the
// values are inconsistent.
[[nodiscard]] absl::StatusOr<ClientOptions> ClientOptionsOf(const GlobalOptions& options,
                                                            const Host& host);

// Returns true if the broker is reached over a Unix socket.
[[nodiscard]] bool IsOnThisMachine(const ClientOptions& client);

// Returns the socket's path or "HOST:PORT", for people.
[[nodiscard]] std::string PlaceOf(const ClientOptions& client);

// Returns the fix if no broker answers there.
[[nodiscard]] std::string UnreachableFix(const ClientOptions& client);

}  // namespace billbroker
