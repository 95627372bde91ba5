// The time after which a refused caller may try again, computed alike for all rules.
#pragma once

#include "absl/time/time.h"
#include "vault/base/random.h"

namespace billbroker {

// The time to wait if another sign-in has to end first: about as long as a sign-in takes.
inline constexpr absl::Duration kUntilAnotherEnds = absl::Seconds(1);

// Returns how long to wait for `until`, on the clock of `now`: at least until then and at least
// 50 ms. Callers that were refused together are spread over a tenth of that time, at most 10 s.
// `until` may be infinite: another sign-in has to end first.
[[nodiscard]] absl::Duration RetryAfter(absl::Duration until, absl::Duration now, Random& random);

}  // namespace billbroker
