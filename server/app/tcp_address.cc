#include "server/app/tcp_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
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

std::string ShareOf(const TcpAddress& address) {
  if (address.address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address.address, sizeof v4);
    if ((ntohl(v4.sin_addr.s_addr) >> 24) == IN_LOOPBACKNET) return "127.0.0.0/8";
    v4.sin_port = 0;
    const std::string text = TcpAddressText(Wrap(v4));
    return text.substr(0, text.rfind(':'));
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address.address, sizeof v6);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    std::memcpy(&v4.sin_addr, &v6.sin6_addr.s6_addr[12], sizeof v4.sin_addr);
    return ShareOf(Wrap(v4));
  }
  std::fill(std::begin(v6.sin6_addr.s6_addr) + 8, std::end(v6.sin6_addr.s6_addr), 0);
  char host[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
  return absl::StrCat(host, "/64");
}

std::string PeerShare(int fd) {
  TcpAddress peer{{}, sizeof peer.address};
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer.address), &peer.size) != 0) return "";
  return ShareOf(peer);
}

}  // namespace billbroker
