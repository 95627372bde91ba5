#include "server/app/tcp_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

template <typename Address>
TcpAddress Wrap(const Address& address) {
  TcpAddress wrapped{{}, sizeof address};
  std::memcpy(&wrapped.address, &address, sizeof address);
  return wrapped;
}

absl::optional<in_port_t> ParsePort(const std::string& text) {
  std::uint32_t port = 0;
  const bool digits = std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
  if (!digits || !absl::SimpleAtoi(text, &port) || port > std::numeric_limits<in_port_t>::max()) {
    return absl::nullopt;
  }
  return htons(static_cast<in_port_t>(port));
}

}  // namespace

absl::optional<TcpAddress> ParseTcpAddress(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return absl::nullopt;
  const absl::optional<in_port_t> port = ParsePort(text.substr(colon + 1));
  if (!port.has_value()) return absl::nullopt;
  const std::string host = text.substr(0, colon);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = *port;
  if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) return Wrap(v4);
  if (host.size() < 2 || host.front() != '[' || host.back() != ']') return absl::nullopt;
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = *port;
  if (::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6.sin6_addr) != 1) {
    return absl::nullopt;
  }
  return Wrap(v6);
}

std::string TcpAddressText(const TcpAddress& address) {
  char host[INET6_ADDRSTRLEN] = "";
  if (address.address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address.address, sizeof v4);
    ::inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
    return absl::StrCat(host, ":", ntohs(v4.sin_port));
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address.address, sizeof v6);
  ::inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
  return absl::StrCat("[", host, "]:", ntohs(v6.sin6_port));
}

std::string PeerHost(int fd) {
  TcpAddress peer{{}, sizeof peer.address};
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer.address), &peer.size) != 0) return "";
  const std::string text = TcpAddressText(peer);
  return text.substr(0, text.rfind(':'));
}

}  // namespace billbroker
