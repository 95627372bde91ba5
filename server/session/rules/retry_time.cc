#include "server/session/rules/retry_time.h"

#include <algorithm>

namespace billbroker {
namespace {

constexpr absl::Duration kShortestWait = absl::Milliseconds(50);
constexpr absl::Duration kWidestSpread = absl::Seconds(10);

}  // namespace

absl::Duration RetryAfter(absl::Duration until, absl::Duration now, Random& random) {
  const absl::Duration wait =
      until == absl::InfiniteDuration() ? kUntilAnotherEnds : std::max(until - now, kShortestWait);
  return wait + std::min(wait / 10, kWidestSpread) * random.Uniform();
}

}  // namespace billbroker
