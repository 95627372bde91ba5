// SessionDemand, LoginDemand: the requirements of a caller for its session.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "server/session/cause.h"
#include "server/session/sign_in_rule.h"

namespace billbroker {

// How long a caller waits that gave no deadline.
inline constexpr absl::Duration kPatience = absl::Seconds(30);

struct SessionDemand {
  absl::Duration min_remaining;        // 0 to half of the idle window
  std::uint64_t stale_generation = 0;  // 0: no report
  bool require_trusted = false;
  bool cached_only = false;
  absl::Duration patience = kPatience;  // how long the caller waits
  std::string principal;                // of the caller; limits apply to each principal
  CausePtr cause;                       // the call
};

struct LoginDemand {
  SignInForce force = SignInForce::kNone;
  absl::Duration patience = kPatience;
  std::string principal = {};
  CausePtr cause = {};
};

}  // namespace billbroker
