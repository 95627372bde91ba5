// GrpcLog: what gRPC itself has to say, such as why a TLS handshake failed, goes to the log.
#pragma once

#include "server/app/log.h"
#include "vault/base/clock.h"

namespace billbroker {

// While it lives, gRPC's errors are logged as "grpc_error", ten at once and then one in six
// seconds: whoever reaches a port can cause them. They hold no byte of a call. One at a time,
// because gRPC knows one place for its messages in a process.
class GrpcLog final {
 public:
  // Borrows both.
  GrpcLog(JsonLog& log, const Clock& clock);
  ~GrpcLog();
  GrpcLog(const GrpcLog&) = delete;
  GrpcLog& operator=(const GrpcLog&) = delete;
};

}  // namespace billbroker
