#include "client/cli/broker_socket.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

// 0, or the errno of a connection to `path`.
int ConnectError(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return ENAMETOOLONG;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  const int result = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int error = result == 0 ? 0 : errno;
  close(fd);
  return error;
}

}  // namespace

std::string UnreachableFix(const std::string& path) {
  switch (ConnectError(path)) {
    case ENOENT:
      return absl::StrCat("nothing is at ", path,
                          ": start the broker ('systemctl start billbrokerd'), or say where its "
                          "socket is with --socket or BILLBROKER_SOCKET");
    case EACCES:
      return absl::StrCat("you may not open ", path,
                          ": have your user added to the group that owns it");
    case ECONNREFUSED:
      return absl::StrCat("nobody listens on ", path,
                          ": the broker stopped; start it ('systemctl start billbrokerd')");
    default:
      return absl::StrCat("look at the broker that listens on ", path,
                          " ('systemctl status billbrokerd')");
  }
}

}  // namespace billbroker
