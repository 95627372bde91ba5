// GrpcServer: the services, with health, for connections accepted elsewhere. Without reflection:
// gRPC's costs a thread for each stream that is open, whoever opened it.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace billbroker {

// Messages up to 4 MiB, 1,000 calls at a time on a connection. One that is idle for
// `max_connection_idle` is closed, because gRPC keeps copies of what a client sent, secrets among
// it, while its connection is open; clients connect again by themselves. One that is older than
// `max_connection_age`, give or take a tenth, takes no new call; a minute later what is still under
// way on it is cut. Clients may send keepalive pings every 20 s, with or without calls.
//
// Health names are "" for the whole and those of the options; all say NOT_SERVING at first.
class GrpcServer final {
 public:
  struct Options {
    std::vector<grpc::Service*> services;  // borrowed
    std::vector<std::string> health_names;
    absl::Duration max_connection_idle = absl::Seconds(60);
    absl::Duration max_connection_age = absl::Minutes(30);
    // Of a connection, and of a request: gRPC has all of it in memory before anybody looks at it.
    int max_streams = 1000;
    int max_message_bytes = 4 << 20;
    std::unique_ptr<grpc::ContextAllocator> contexts = nullptr;  // null for gRPC's own
    // Null for connections without TLS.
    std::shared_ptr<grpc::ServerCredentials> credentials = nullptr;
  };

  // kInternal where gRPC cannot start one.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(Options options);
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  // Serves a connection; takes `fd`, which does not block. Thread-safe.
  void AddConnection(int fd);

  // Thread-safe. After StopServing() it changes nothing, and never for a name that is not one of
  // the options.
  void SetServing(const std::string& health_name, bool serving);

  // All health names say NOT_SERVING from now on. The services turn away what comes meanwhile.
  void StopServing();

  // Closes the connections; callers that still wait at `deadline`, or a second from now, are
  // cancelled. Only after the last answer was sent: else the connection would be closed in the
  // moment that it is written. A client that happens to write then (gRPC pings when data comes)
  // gets "Broken pipe", and throws away the answers that it has not read yet. After the last answer
  // gRPC closes once the client has acknowledged a ping that came behind all answers. A client that
  // is idle may take five seconds and more for that, and misses nothing.
  void Shutdown(absl::Time deadline);

  // Closes the connections that are left, each once its calls are answered; what is still under way
  // after `grace` is cancelled. Returns when all are closed.
  void Retire(absl::Duration grace);

 private:
  using Acceptor = grpc::experimental::ExternalConnectionAcceptor;

  GrpcServer(std::unique_ptr<grpc::Server> server, std::unique_ptr<Acceptor> tls,
             std::vector<std::string> health_names);

  const std::unique_ptr<grpc::Server> server_;
  const std::unique_ptr<Acceptor> tls_;  // null for connections without
  const std::vector<std::string> health_names_;
};

}  // namespace billbroker
