// What a caller is told of a pair: the errors of the engine that need no more than the pair.
// Internal to server/session.
#pragma once

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/session/pair.h"

namespace billbroker {

[[nodiscard]] absl::Status NoLiveSession(const Pair& pair);
[[nodiscard]] absl::Status MfaRequired(const Pair& pair);
[[nodiscard]] absl::Status Removed(const Pair& pair);
[[nodiscard]] absl::Status TooManyReports(const Pair& pair, absl::Duration wait);
[[nodiscard]] absl::Status RateLimited(const Pair& pair, absl::Duration wait);
[[nodiscard]] absl::Status BudgetSpent(const Pair& pair, absl::Duration wait);
[[nodiscard]] absl::Status UserFailedTooOften(const Pair& pair, int bound, absl::Duration wait);

}  // namespace billbroker
