// GrpcLog: writes gRPC's own errors to the log, such as the reason of a failed TLS handshake.
#pragma once

#include "server/app/log.h"
#include "vault/base/clock.h"

namespace billbroker {

// While it lives, gRPC's errors are logged as "grpc_error", ten at once and then one in six
// seconds, because anyone who reaches a port can cause them. They contain no byte of a call. There
// may be only one at a time, because gRPC has one log function for each process.
class GrpcLog final {
 public:
  // Borrows both arguments.
  GrpcLog(JsonLog& log, const Clock& clock);
  ~GrpcLog();
  GrpcLog(const GrpcLog&) = delete;
  GrpcLog& operator=(const GrpcLog&) = delete;
};

}  // namespace billbroker
