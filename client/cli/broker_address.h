// Where the broker is, and why none answers there, as far as this side can tell.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "client/channel.h"
#include "client/cli/command.h"
#include "client/cli/host.h"

namespace billbroker {

// What the options say, else the environment (BILLBROKER_ADDRESS, BILLBROKER_SOCKET, and for an
// address BILLBROKER_CA_FILE, BILLBROKER_CERTIFICATE_FILE, BILLBROKER_KEY_FILE), else the socket of
// a broker that was installed. INVALID_ARGUMENT where it does not fit together.
[[nodiscard]] absl::StatusOr<ClientOptions> ClientOptionsOf(const GlobalOptions& options,
                                                            const Host& host);

// Whether it is reached over a Unix socket.
[[nodiscard]] bool IsOnThisMachine(const ClientOptions& client);

// For people: the socket's path, or "HOST:PORT".
[[nodiscard]] std::string PlaceOf(const ClientOptions& client);

// What to do so that a broker answers there.
[[nodiscard]] std::string UnreachableFix(const ClientOptions& client);

}  // namespace billbroker
