// A place to listen at, as the configuration writes it.
#pragma once

#include <sys/socket.h>

#include <string>

#include "absl/types/optional.h"

namespace billbroker {

struct TcpAddress {
  sockaddr_storage address;
  socklen_t size;
};

// "127.0.0.1:8443" or "[::1]:8443": numbers alone, so that it means the same whatever a resolver
// says. Port 0 is any that is free. nullopt where it is something else.
[[nodiscard]] absl::optional<TcpAddress> ParseTcpAddress(const std::string& text);
[[nodiscard]] std::string TcpAddressText(const TcpAddress& address);

// Which host a connection comes from, such as "127.0.0.1"; empty once it is closed.
[[nodiscard]] std::string PeerHost(int fd);

}  // namespace billbroker
