// PatienceOf, AnswerTimeOf: how long a call may wait for its answer.
#pragma once

#include <grpcpp/server_context.h>

#include <algorithm>
#include <chrono>

#include "absl/time/time.h"
#include "server/session/session_slot.h"

namespace billbroker {

// The longest wait of a call that holds up no other call.
inline constexpr absl::Duration kLongestPatience = absl::Minutes(5);
// The longest wait of a call that occupies the thread on which all such calls take turns: changes
// of credentials, MFA challenges.
inline constexpr absl::Duration kLongestTurn = absl::Minutes(1);

// Returns the time until the deadline of the call, at most `longest`; may be negative. Without a
// deadline it is kPatience. Call it when the wait begins.
[[nodiscard]] inline absl::Duration PatienceOf(const grpc::CallbackServerContext& context,
                                               absl::Duration longest = kLongestPatience) {
  const auto deadline = context.deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) return kPatience;
  return std::min(longest, absl::FromChrono(deadline - std::chrono::system_clock::now()));
}

// Returns the time at which a call must be answered so that the answer is there at its deadline: a
// tenth of the time that is left earlier, but at most half a second.
[[nodiscard]] inline std::chrono::system_clock::time_point AnswerTimeOf(
    const grpc::CallbackServerContext& context) {
  using std::chrono::system_clock;
  const system_clock::duration left = context.deadline() - system_clock::now();
  return context.deadline() -
         std::min<system_clock::duration>(left / 10, std::chrono::milliseconds(500));
}

}  // namespace billbroker
