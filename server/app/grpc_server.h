// GrpcServer: the services and health, for connections that are accepted elsewhere. It has no
// reflection, because gRPC's costs a thread for each open stream of any caller.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace billbroker {

// Messages up to 4 MiB, 1,000 calls at a time on a connection. A connection that is idle for
// `max_connection_idle` is closed, because gRPC keeps copies of a client's messages, which may
// contain secrets, while its connection is open. Clients reconnect by themselves. A connection that
// is older than `max_connection_age` (with a jitter of 10 %) accepts no new call, and its remaining
// calls have the time of GraceOf(). Clients may send keepalive pings every 10 s, with or without
// calls.
//
// Health names are "" for the whole server and the names of the options; all are NOT_SERVING at
// first.
class GrpcServer final {
 public:
  struct Options {
    std::vector<grpc::Service*> services;  // borrowed
    std::vector<std::string> health_names;
    absl::Duration max_connection_idle = absl::Seconds(60);
    absl::Duration max_connection_age = absl::Minutes(30);
    // For each connection, and for each request: gRPC reads all of it into memory before any check.
    int max_streams = 1000;
    int max_message_bytes = 4 << 20;
    std::unique_ptr<grpc::ContextAllocator> contexts = nullptr;  // null for gRPC's own
    // Null for connections without TLS.
    std::shared_ptr<grpc::ServerCredentials> credentials = nullptr;
  };

  // Returns the time that a connection of this age still has for its calls, before these are cut.
  // It is longer than a unary call may wait, and a stream that the broker ends at that age
  // (ServingState::LongestStreamOf()) ends by itself.
  [[nodiscard]] static absl::Duration GraceOf(absl::Duration max_connection_age);

  // Starts a server. Fails with kInternal if gRPC cannot start one.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(Options options);
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  // Serves a connection; takes `fd`, which is non-blocking. Thread-safe.
  void AddConnection(int fd);

  // Sets the health of a name. Does nothing after StopServing(), and for a name that is not one of
  // the options. Thread-safe.
  void SetServing(const std::string& health_name, bool serving);

  // Makes all health names NOT_SERVING from now on. The services refuse further calls.
  void StopServing();

  // Closes the connections. Callers that still wait at `deadline`, or a second from now, are
  // cancelled. Call it only after the last answer was sent, or the connection would be closed while
  // it is written: a client that writes at that moment (gRPC pings when data comes) gets "Broken
  // pipe" and drops unread answers. After the last answer, gRPC closes once the client has
  // acknowledged a ping that was sent after all answers. An idle client may take five seconds or
  // more for that, and misses nothing.
  void Shutdown(absl::Time deadline);

  // Closes the remaining connections, each once its calls are answered; calls that are still under
  // way after `grace` are cancelled. Returns when all are closed.
  void Retire(absl::Duration grace);

 private:
  using Acceptor = grpc::experimental::ExternalConnectionAcceptor;

  GrpcServer(std::unique_ptr<grpc::Server> server, std::unique_ptr<Acceptor> tls,
             std::vector<std::string> health_names);

  const std::unique_ptr<grpc::Server> server_;
  const std::unique_ptr<Acceptor> tls_;  // null for connections without TLS
  const std::vector<std::string> health_names_;
};

}  // namespace billbroker
