#include "client/cli/broker_address.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace billbroker {
namespace {

constexpr char kDefaultSocket[] = "/run/billbroker/broker.sock";
constexpr absl::string_view kUnix = "unix:";

// Returns 0, or the errno of a connection to `path`.
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

std::string SocketFix(const std::string& path) {
  switch (ConnectError(path)) {
    case ENOENT:
      return absl::StrCat("nothing is at ", path,
                          ": start the broker ('systemctl start billbrokerd'), or set its "
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

std::string Environment(const Host& host, const std::string& name) {
  return host.Getenv(name).value_or("");
}

// One of the three files for mutual TLS.
struct FileOption {
  std::string TlsClientOptions::*file;
  const char* option;
  const char* variable;
};
constexpr FileOption kFiles[] = {
    {&TlsClientOptions::ca_file, "--ca-file", "BILLBROKER_CA_FILE"},
    {&TlsClientOptions::certificate_file, "--certificate-file", "BILLBROKER_CERTIFICATE_FILE"},
    {&TlsClientOptions::key_file, "--key-file", "BILLBROKER_KEY_FILE"},
};

absl::StatusOr<ClientOptions> OverTcp(const std::string& address, const GlobalOptions& options,
                                      const Host& host) {
  if (absl::StartsWith(address, kUnix)) {
    return absl::InvalidArgumentError("--address is HOST:PORT; name a socket with --socket");
  }
  ClientOptions client{address, options.timeout};
  for (const FileOption& each : kFiles) {
    std::string& file = client.tls.*each.file;
    file = options.tls.*each.file;
    if (file.empty()) file = Environment(host, each.variable);
    if (file.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("the broker takes mutual TLS only on ",
                                                     address, "; name the file with ", each.option,
                                                     " or ", each.variable));
    }
  }
  return client;
}

}  // namespace

absl::StatusOr<ClientOptions> ClientOptionsOf(const GlobalOptions& options, const Host& host) {
  if (options.timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("--timeout is not positive; give it some seconds");
  }
  std::string address = options.address;
  if (address.empty() && options.socket.empty()) address = Environment(host, "BILLBROKER_ADDRESS");
  if (!address.empty()) return OverTcp(address, options, host);
  for (const FileOption& each : kFiles) {
    if ((options.tls.*each.file).empty()) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        each.option, " is for a broker that is reached over TCP; name it with --address"));
  }
  std::string socket = options.socket;
  if (socket.empty()) socket = Environment(host, "BILLBROKER_SOCKET");
  if (socket.empty()) socket = kDefaultSocket;
  return ClientOptions{absl::StrCat(kUnix, socket), options.timeout};
}

bool IsOnThisMachine(const ClientOptions& client) {
  return absl::StartsWith(client.address, kUnix);
}

std::string PlaceOf(const ClientOptions& client) {
  return std::string(absl::StripPrefix(client.address, kUnix));
}

std::string UnreachableFix(const ClientOptions& client) {
  if (IsOnThisMachine(client)) return SocketFix(PlaceOf(client));
  return absl::StrCat("see whether a listener of the broker is on ", client.address,
                      " and its certificate has that name and is of the CA in ", client.tls.ca_file,
                      "; and whether your certificate in ", client.tls.certificate_file,
                      " is still good and of the CA that the listener takes, and ",
                      client.tls.key_file, " is its key, without a passphrase");
}

}  // namespace billbroker
