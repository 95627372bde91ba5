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
// Health names are "" for the whole and those that Start() was given; all say NOT_SERVING at first.
class GrpcServer final {
 public:
  // Listens at the Unix path `socket`. Borrows the services. kFailedPrecondition where it cannot.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(
      const std::string& socket, const std::vector<grpc::Service*>& services,
      const std::vector<std::string>& health_names, absl::Duration max_connection_age);
  ~GrpcServer();
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  // Thread-safe. After Drain() it changes nothing.
  void SetServing(const std::string& health_name, bool serving);

  // Says NOT_SERVING, lets the calls under way have their answers, and only then takes no new call
  // and closes the connections. The services turn away what comes meanwhile. At `deadline` callers
  // that still wait are cancelled.
  void Drain(absl::Time deadline);

 private:
  class Calls;

  GrpcServer(std::shared_ptr<Calls> calls, std::unique_ptr<grpc::Server> server);

  const std::shared_ptr<Calls> calls_;
  const std::unique_ptr<grpc::Server> server_;
};

}  // namespace billbroker
