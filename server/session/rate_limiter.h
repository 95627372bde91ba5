// RateLimiter: so many an hour of each name, with a burst.
#pragma once

#include <algorithm>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace billbroker {

// Token buckets: within any hour at most `burst + per_hour` pass. Not thread-safe; `now` is
// Clock::SinceBoot().
class RateLimiter final {
 public:
  // Both above 0.
  RateLimiter(double per_hour, double burst) : per_hour_(per_hour), burst_(burst) {}

  // Whether one more of `name` may pass; takes it.
  [[nodiscard]] bool Take(absl::string_view name, absl::Duration now) {
    Bucket& bucket = Refill(name, now);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  // How long until Take() says yes again.
  [[nodiscard]] absl::Duration RetryAfter(absl::string_view name, absl::Duration now) {
    const double missing = 1 - Refill(name, now).tokens;
    return absl::Hours(1) * std::max(missing / per_hour_, 0.0);
  }

 private:
  struct Bucket {
    double tokens;
    absl::Duration refilled;
  };

  Bucket& Refill(absl::string_view name, absl::Duration now) {
    Bucket& bucket = buckets_.try_emplace(name, Bucket{burst_, now}).first->second;
    const double hours = absl::FDivDuration(now - bucket.refilled, absl::Hours(1));
    bucket = {std::min(burst_, bucket.tokens + hours * per_hour_), now};
    return bucket;
  }

  double per_hour_;
  double burst_;
  absl::flat_hash_map<std::string, Bucket> buckets_;
};

}  // namespace billbroker
