// An address to listen on, in the form of the configuration.
#pragma once

#include <sys/socket.h>

#include <string>

#include "absl/types/optional.h"

namespace billbroker {

struct TcpAddress {
  sockaddr_storage address;
  socklen_t size;
};

// Parses "127.0.0.1:8443" or "[::1]:8443". The address must be numeric, so that it does not depend
// on a resolver. Port 0 means any free port. Returns nullopt for any other text.
[[nodiscard]] absl::optional<TcpAddress> ParseTcpAddress(const std::string& text);
[[nodiscard]] std::string TcpAddressText(const TcpAddress& address);

// Returns the owner of a share of a listener with an address: "127.0.0.0/8" for this machine,
// because each of its users may call from any of these; the /64 of an IPv6 address, because one
// host can choose from it; else the address.
[[nodiscard]] std::string ShareOf(const TcpAddress& address);
// Returns the share of a connection's other end; empty once it is closed.
[[nodiscard]] std::string PeerShare(int fd);

}  // namespace billbroker
