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

// Who takes a share of a listener with an address: "127.0.0.0/8" for this machine, each of whose users
// may call from any of these; the /64 of an IPv6 address, which is one host's to choose from; else
// the address.
[[nodiscard]] std::string ShareOf(const TcpAddress& address);
// That of a connection's other end; empty once it is closed.
[[nodiscard]] std::string PeerShare(int fd);

}  // namespace billbroker
