// TlsListener: a TCP listener that accepts only mutual TLS, and reloads its certificates when their
// files change.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/app/acceptor.h"
#include "server/app/connections.h"
#include "server/app/grpc_server.h"
#include "server/app/log.h"
#include "server/app/tcp_socket.h"
#include "server/app/tls_files.h"
#include "vault/base/clock.h"
#include "vault/base/executor.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Each certificate that takes effect has its own server. The newest server gets new connections;
// older ones keep theirs until these reach their age. If the client CA changed, older connections
// are closed at once, each when its calls are answered, or after a minute. The same happens when a
// third certificate comes: there are at most two old servers.
//
// Thread-safe, but for Publish() and StopAccepting().
class TlsListener final {
 public:
  // Starts a server, with the listener's services and limits, for connections with `credentials`.
  using StartServer = std::function<absl::StatusOr<std::unique_ptr<GrpcServer>>(
      std::shared_ptr<grpc::ServerCredentials> credentials)>;
  using TurnedAway = std::function<void(const absl::Status& why)>;
  // Borrowed.
  struct Parts {
    const Clock& clock;
    JsonLog& log;
  };

  TlsListener(std::unique_ptr<TcpSocket> socket, const Parts& parts, StartServer start,
              TurnedAway turned_away);

  // Reads the files and lets callers connect. Fails like LoadTlsIdentity().
  [[nodiscard]] absl::Status Publish();
  [[nodiscard]] std::string Name() const { return "tls:" + socket_->address(); }

  // Reads the files. If they are not valid, logs "certificate_kept" and keeps the previous ones;
  // otherwise logs "certificate_reloaded".
  void Reload();
  // Does the same if they changed since they were last read. Logs once when the current certificate
  // is about to expire, and when it has.
  void Look();

  // Applies the function of Doors to all servers.
  void SetServing(const std::string& health_name, bool serving);
  void StopServing();
  // Closes the listening socket.
  void StopAccepting() {
    acceptor_.reset();
    socket_->Close();
  }
  void Shutdown(absl::Time deadline);

 private:
  using Server = std::shared_ptr<GrpcServer>;  // shared with the task that closes it

  [[nodiscard]] absl::Status Load() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReloadLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WarnOfExpiry() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Makes the current server an old one.
  void Replace(bool other_ca) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LetGoOf(Server server) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Admit(int fd);
  [[nodiscard]] std::vector<Server> All() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::unique_ptr<TcpSocket> socket_;
  const Parts parts_;
  const StartServer start_;
  const TurnedAway turned_away_;
  Connections connections_;
  mutable Mutex mutex_;
  std::string seen_ ABSL_GUARDED_BY(mutex_);   // StateOf() the files when they were last read
  bool kept_ ABSL_GUARDED_BY(mutex_) = false;  // they were not valid, or not yet
  std::string client_ca_ ABSL_GUARDED_BY(mutex_);
  absl::Time expires_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  absl::Duration warned_ ABSL_GUARDED_BY(mutex_) =
      absl::InfiniteDuration();  // the shortest time ahead that was logged
  Server current_ ABSL_GUARDED_BY(mutex_);
  std::vector<Server> old_ ABSL_GUARDED_BY(mutex_);  // oldest first
  std::vector<Server> leaving_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, bool> serving_ ABSL_GUARDED_BY(mutex_);  // by health name
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Acceptor> acceptor_;
  ThreadExecutor farewells_{3};  // one thread for each old server and one more
};

}  // namespace billbroker
