// GrpcServer: the services on a Unix socket, with health and reflection.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace billbroker {

// Messages up to 4 MiB. A connection that is idle for 60 s is closed, because gRPC keeps copies of
// what a client sent, secrets among it, while its connection is open; clients connect again by
// themselves. One that is older than `max_connection_age`, give or take a tenth, takes no new call;
// a minute later what is still under way on it is cut. Clients may send keepalive pings every 20 s,
// with or without calls.
//
// Health names are "" for the whole and those of the options; all say NOT_SERVING at first.
class GrpcServer final {
 public:
  struct Options {
    std::string socket;                    // a Unix path
    std::vector<grpc::Service*> services;  // borrowed
    std::vector<std::string> health_names;
    absl::Duration max_connection_age;
    std::unique_ptr<grpc::ContextAllocator> contexts;  // null for gRPC's own
  };

  // kFailedPrecondition where it cannot listen.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(Options options);
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  // Thread-safe. After StopServing() it changes nothing.
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

 private:
  explicit GrpcServer(std::unique_ptr<grpc::Server> server);

  const std::unique_ptr<grpc::Server> server_;
};

}  // namespace billbroker
