#include "server/app/tcp_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/app/tcp_address.h"

namespace billbroker {
namespace {

absl::Status Failed(const std::string& address) {
  return absl::FailedPreconditionError(
      absl::StrCat("cannot listen at ", address, ": ", std::strerror(errno),
                   "; choose an address of this machine, and a port that is free"));
}

void Set(int fd, int level, int option) {
  const int on = 1;
  ::setsockopt(fd, level, option, &on, sizeof on);
}

}  // namespace

absl::StatusOr<std::unique_ptr<TcpSocket>> TcpSocket::Claim(const ListenerConfig& config) {
  const absl::optional<TcpAddress> address = ParseTcpAddress(config.address);
  if (!address.has_value()) {
    return absl::FailedPreconditionError(absl::StrCat(config.address, " is not a valid address"));
  }
  const int fd =
      ::socket(address->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return Failed(config.address);
  std::unique_ptr<TcpSocket> socket(new TcpSocket(config, fd));
  Set(fd, SOL_SOCKET, SO_REUSEADDR);
  Set(fd, IPPROTO_TCP, TCP_NODELAY);
  // "[::]" means IPv6 only, independent of the system's default.
  if (address->address.ss_family == AF_INET6) Set(fd, IPPROTO_IPV6, IPV6_V6ONLY);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address->address), address->size) != 0) {
    return Failed(config.address);
  }
  return socket;
}

TcpSocket::~TcpSocket() { Close(); }

void TcpSocket::Close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

std::string TcpSocket::address() const {
  TcpAddress bound{{}, sizeof bound.address};
  if (::getsockname(fd_, reinterpret_cast<sockaddr*>(&bound.address), &bound.size) != 0) {
    return config_.address;
  }
  return TcpAddressText(bound);
}

absl::Status TcpSocket::Publish() const {
  return ::listen(fd_, SOMAXCONN) == 0 ? absl::OkStatus() : Failed(config_.address);
}

}  // namespace billbroker
