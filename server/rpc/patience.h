// PatienceOf: how long a caller waits for its answer.
#pragma once

#include <grpcpp/server_context.h>

#include <algorithm>
#include <chrono>

#include "absl/time/time.h"
#include "server/session/session_slot.h"

namespace billbroker {

// Of one that waits beside others, and holds up none.
inline constexpr absl::Duration kLongestPatience = absl::Minutes(5);
// Of one whose work has the thread on which everybody's turn comes: changes of credentials, MFA
// challenges.
inline constexpr absl::Duration kLongestTurn = absl::Minutes(1);

// Until its deadline, where it gave one; at most `longest`, and may be negative. Ask when the wait
// begins.
[[nodiscard]] inline absl::Duration PatienceOf(const grpc::CallbackServerContext& context,
                                               absl::Duration longest = kLongestPatience) {
  const auto deadline = context.deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) return kPatience;
  return std::min(longest, absl::FromChrono(deadline - std::chrono::system_clock::now()));
}

}  // namespace billbroker
