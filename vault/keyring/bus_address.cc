#include "vault/keyring/bus_address.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace billbroker {
namespace {

// Returns the path of the first Unix socket in a D-Bus address, without its "%20" escapes; empty if
// it has none.
std::string SocketPathOf(absl::string_view address) {
  for (const absl::string_view one : absl::StrSplit(address, ';')) {
    if (!absl::StartsWith(one, "unix:")) continue;
    for (const absl::string_view pair : absl::StrSplit(one.substr(5), ',')) {
      if (!absl::StartsWith(pair, "path=")) continue;
      const GCharPtr path(g_uri_unescape_string(std::string(pair.substr(5)).c_str(), nullptr));
      return path == nullptr ? "" : path.get();
    }
  }
  return "";
}

VaultFinding OfAnotherUser(absl::string_view address, uid_t owner) {
  return {absl::StrCat("the D-Bus session bus at ", address, " belongs to uid ", owner,
                       ", and the broker runs as uid ", ::geteuid()),
          "run the broker as the user of the bus, or start a bus and a keyring for its user"};
}

// Returns the user of the process that listens at the other end of a Unix socket.
absl::optional<uid_t> PeerOf(int fd) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return absl::nullopt;
  return peer.uid;
}

}  // namespace

std::string FindBusAddress() {
  const char* address = std::getenv("DBUS_SESSION_BUS_ADDRESS");
  if (address != nullptr && *address != '\0') return address;
  const char* runtime_dir = std::getenv("XDG_RUNTIME_DIR");
  if (runtime_dir == nullptr || *runtime_dir == '\0') return "";
  const std::string path = absl::StrCat(runtime_dir, "/bus");
  struct stat found {};
  return stat(path.c_str(), &found) == 0 ? absl::StrCat("unix:path=", path) : "";
}

VaultFinding ExplainBusFailure(absl::string_view address, bool timed_out, absl::string_view error) {
  const std::string bus = absl::StrCat("the D-Bus session bus at ", address);
  const VaultFinding other = {
      absl::StrCat(bus, timed_out ? " does not answer" : absl::StrCat(" cannot be used: ", error)),
      "restart that bus, or set DBUS_SESSION_BUS_ADDRESS to another one"};
  const std::string path = SocketPathOf(address);
  sockaddr_un socket_address{};
  if (path.empty() || path.size() >= sizeof(socket_address.sun_path)) return other;
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return other;
  const absl::Cleanup close = [fd] { ::close(fd); };
  socket_address.sun_family = AF_UNIX;
  std::memcpy(socket_address.sun_path, path.data(), path.size());
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&socket_address), sizeof(socket_address)) !=
      0) {
    const int why = errno;
    struct stat found {};
    if (why == EACCES && ::stat(path.c_str(), &found) == 0 && found.st_uid != ::geteuid()) {
      return OfAnotherUser(address, found.st_uid);
    }
    return {absl::StrCat(bus, " cannot be reached: ", std::strerror(why)),
            "start a session bus, for instance with dbus-run-session, or set "
            "DBUS_SESSION_BUS_ADDRESS to one that runs"};
  }
  const absl::optional<uid_t> peer = PeerOf(fd);
  return peer.has_value() && *peer != ::geteuid() ? OfAnotherUser(address, *peer) : other;
}

absl::optional<VaultFinding> FindForeignPeer(absl::string_view address,
                                             GDBusConnection* connection) {
  GIOStream* stream = g_dbus_connection_get_stream(connection);
  if (!G_IS_SOCKET_CONNECTION(stream)) return absl::nullopt;
  GSocket* socket = g_socket_connection_get_socket(G_SOCKET_CONNECTION(stream));
  if (g_socket_get_family(socket) != G_SOCKET_FAMILY_UNIX) return absl::nullopt;
  const absl::optional<uid_t> peer = PeerOf(g_socket_get_fd(socket));
  if (!peer.has_value() || *peer == ::geteuid()) return absl::nullopt;
  return OfAnotherUser(address, *peer);
}

}  // namespace billbroker
