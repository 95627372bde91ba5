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
#include "server/app/tcp_socket.h"
#include "server/app/tls_listener.h"
#include "server/app/unix_socket.h"
#include "server/rpc/serving_state.h"
#include "server/session/rate_limiter.h"
#include "vault/base/clock.h"
#include "vault/base/mutex.h"

namespace billbroker {

// The sockets of a configuration, which nobody reaches yet.
struct ClaimedSockets {
  std::vector<std::unique_ptr<UnixSocket>> of_users;
  std::vector<std::unique_ptr<TcpSocket>> of_certificates;
};

// Makes the folders of Unix sockets. kFailedPrecondition with the fix.
[[nodiscard]] absl::StatusOr<ClaimedSockets> ClaimSockets(
    const std::vector<ListenerConfig>& listeners);

// What a listener may serve.
struct OfferedService {
  grpc::Service* service;
  std::string health_name;
};

// Thread-safe, but for Publish() and Shutdown().
class Listeners final {
 public:
  // All borrowed.
  struct Parts {
    Callers& callers;
    ServingState& state;
    const Clock& clock;
    JsonLog& log;
    std::map<std::string, OfferedService> services;  // by their names in the configuration
  };

  // A connection that is not served is logged as "connection_turned_away", once a minute for each
  // listener and user.
  Listeners(ClaimedSockets sockets, Parts parts);

  // Lets callers in.
  [[nodiscard]] absl::Status Publish();
  [[nodiscard]] std::vector<std::string> Names() const;  // "unix:/run/…", "tls:127.0.0.1:8443"

  // As those of TlsListener.
  void ReloadCertificates();
  void LookAtCertificates();

  // As those of Doors.
  void PolicyChanged();
  void CutUnknown();
  void SetServing(const std::string& health_name, bool serving);
  void StopServing();
  // Accepts no more, first.
  void Shutdown(absl::Time deadline);

 private:
  struct Listener {
    std::unique_ptr<UnixSocket> socket;
    std::unique_ptr<Connections> connections;
    std::unique_ptr<Doors> doors;
    std::unique_ptr<Acceptor> acceptor;  // goes before the doors that it leads to
  };

  [[nodiscard]] Listener Open(std::unique_ptr<UnixSocket> socket);
  // The listener's services, and its limits.
  [[nodiscard]] GrpcServer::Options OptionsOf(const ListenerConfig& config) const;
  [[nodiscard]] static absl::Status Serve(int fd, const UnixPeer& peer, Callers& callers,
                                          Connections& connections, Doors& to);
  [[nodiscard]] std::unique_ptr<TlsListener> Open(std::unique_ptr<TcpSocket> socket);
  // Whether a line of `who` may be logged.
  [[nodiscard]] bool MaySay(const std::string& who);

  const Parts parts_;
  Mutex mutex_;
  // What a user whom nobody lets in may have the log say: a line a minute.
  RateLimiter said_ ABSL_GUARDED_BY(mutex_){60, 1};
  std::vector<Listener> listeners_;
  std::vector<std::unique_ptr<TlsListener>> tls_listeners_;
};

}  // namespace billbroker
