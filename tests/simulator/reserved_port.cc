#include "tests/simulator/reserved_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"

namespace billbroker::billsim {

absl::StatusOr<std::unique_ptr<ReservedPort>> ReservedPort::Reserve(int port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, "cannot make a socket");
  auto reserved = absl::WrapUnique(new ReservedPort(descriptor, 0));
  const int yes = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(descriptor, generic, size) != 0 || getsockname(descriptor, generic, &size) != 0) {
    return absl::UnavailableError(absl::StrCat(
        "port ", port, " of 127.0.0.1 is not available; choose another, or 0 for a free one"));
  }
  reserved->port_ = ntohs(address.sin_port);
  return reserved;
}

ReservedPort::~ReservedPort() { close(socket_); }

}  // namespace billbroker::billsim
