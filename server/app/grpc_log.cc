#include "server/app/grpc_log.h"

#include <grpc/support/log.h>

#include <memory>
#include <string>

#include "server/session/rate_limiter.h"
#include "vault/base/mutex.h"

namespace billbroker {
namespace {

struct Target {
  JsonLog& log;
  const Clock& clock;
  RateLimiter lines{600, 10};
};

// Static, because gRPC calls a plain function.
struct Shared {
  Mutex mutex;
  std::unique_ptr<Target> target ABSL_GUARDED_BY(mutex);
};

Shared& GetShared() {
  static auto& shared = *new Shared;
  return shared;
}

void Write(gpr_log_func_args* said) {
  if (said->severity != GPR_LOG_SEVERITY_ERROR) return;
  Shared& shared = GetShared();
  MutexLock lock(shared.mutex);
  Target* const target = shared.target.get();
  if (target == nullptr || !target->lines.Take("", target->clock.SinceBoot())) return;
  target->log.Write(LogLevel::kWarning, "grpc_error", {{"message", std::string(said->message)}});
}

}  // namespace

GrpcLog::GrpcLog(JsonLog& log, const Clock& clock) {
  Shared& shared = GetShared();
  MutexLock lock(shared.mutex);
  shared.target = std::make_unique<Target>(Target{log, clock});
  ::gpr_log_verbosity_init();  // before gRPC is initialized
  ::gpr_set_log_function(&Write);
}

GrpcLog::~GrpcLog() {
  ::gpr_set_log_function(nullptr);
  Shared& shared = GetShared();
  MutexLock lock(shared.mutex);
  shared.target = nullptr;
}

}  // namespace billbroker
