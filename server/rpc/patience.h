// PatienceOf: how long a caller waits for its answer.
#pragma once

#include <grpcpp/server_context.h>

#include <chrono>

#include "absl/time/time.h"
#include "server/session/pair.h"

namespace billbroker {

// Until its deadline, where it gave one; may be negative.
[[nodiscard]] inline absl::Duration PatienceOf(const grpc::CallbackServerContext& context) {
  const auto deadline = context.deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) return kPatience;
  return absl::FromChrono(deadline - std::chrono::system_clock::now());
}

}  // namespace billbroker
