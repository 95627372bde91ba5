// Listeners: the sockets of the configuration, each with its acceptor and the servers behind it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/access/caller.h"
#include "server/app/acceptor.h"
#include "server/app/connections.h"
#include "server/app/doors.h"
#include "server/app/grpc_server.h"
#include "server/app/log.h"
#include "server/app/refused_connections.h"
#include "server/app/tcp_socket.h"
#include "server/app/tls_listener.h"
#include "server/app/unix_socket.h"
#include "server/rpc/recorder.h"
#include "server/rpc/serving_state.h"
#include "server/session/rate_limiter.h"
#include "vault/base/clock.h"
#include "vault/base/mutex.h"

namespace billbroker {

// The sockets of a configuration, before callers can reach them.
struct ClaimedSockets {
  std::vector<std::unique_ptr<UnixSocket>> of_users;
  std::vector<std::unique_ptr<TcpSocket>> of_certificates;
};

// Creates the sockets and the folders of Unix sockets. Fails with kFailedPrecondition and the fix.
[[nodiscard]] absl::StatusOr<ClaimedSockets> ClaimSockets(
    const std::vector<ListenerConfig>& listeners);

// A service that listeners can offer.
struct OfferedService {
  grpc::Service* service;
  std::string health_name;
};

// Thread-safe, except for Publish(), StopAccepting() and Shutdown().
class Listeners final {
 public:
  // All borrowed.
  struct Parts {
    Callers& callers;
    ServingState& state;
    const Recorder& recorder;  // of refused connections
    const Clock& clock;
    JsonLog& log;
    std::map<std::string, OfferedService> services;  // by their names in the configuration
  };

  // Logs a connection that is not served as "connection_turned_away", once a minute for each
  // listener and user.
  Listeners(ClaimedSockets sockets, Parts parts);

  // Lets callers connect.
  [[nodiscard]] absl::Status Publish();
  [[nodiscard]] std::vector<std::string> Names() const;  // "unix:/run/…", "tls:127.0.0.1:8443"

  // Applies the function of TlsListener to each listener.
  void ReloadCertificates();
  void LookAtCertificates();

  // Applies the function of Doors to each listener.
  void PolicyChanged();
  void CutUnknown();
  void SetServing(const std::string& health_name, bool serving);
  void StopServing();
  // Closes the listening sockets: clients that connect from now on are refused by the kernel, and
  // do not wait for an answer. Returns once no connection is being handed over.
  void StopAccepting();
  // Applies the function of Doors to each listener. Call it after StopAccepting().
  void Shutdown(absl::Time deadline);

 private:
  struct Listener {
    std::unique_ptr<UnixSocket> socket;
    std::unique_ptr<Connections> connections;
    std::unique_ptr<Doors> doors;
    std::unique_ptr<Acceptor> acceptor;  // destroyed before the doors that it leads to
  };

  [[nodiscard]] Listener Open(std::unique_ptr<UnixSocket> socket);
  // Returns the listener's services and limits.
  [[nodiscard]] GrpcServer::Options OptionsOf(const ListenerConfig& config) const;
  [[nodiscard]] absl::Status Serve(int fd, const UnixPeer& peer, Connections& connections,
                                   Doors& to);
  // Answers the first call of the connection with CALLER_UNKNOWN, and closes it.
  [[nodiscard]] absl::Status Refuse(int fd, const Origin& origin);
  [[nodiscard]] std::unique_ptr<TlsListener> Open(std::unique_ptr<TcpSocket> socket);
  // Returns true if a line about `who` may be logged.
  [[nodiscard]] bool MaySay(const std::string& who);

  const Parts parts_;
  RefusedConnections refused_;
  Mutex mutex_;
  // Limits the lines about a user that is turned away to one a minute.
  RateLimiter said_ ABSL_GUARDED_BY(mutex_){60, 1};
  std::vector<Listener> listeners_;
  std::vector<std::unique_ptr<TlsListener>> tls_listeners_;
};

}  // namespace billbroker
