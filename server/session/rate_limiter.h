// RateLimiter: so many an hour of each name, with a burst.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace billbroker {

// Token buckets: within any hour at most `burst + per_hour` pass. Names may be callers' own: beyond
// kMostNames that are not at rest, new ones share one bucket. Not thread-safe; `now` is
// Clock::SinceBoot().
class RateLimiter final {
 public:
  static constexpr std::size_t kMostNames = 10'000;

  // Both above 0.
  RateLimiter(double per_hour, double burst) : per_hour_(per_hour), burst_(burst) {}

  // Returns true if one more of `name` may pass, and counts it.
  [[nodiscard]] bool Take(absl::string_view name, absl::Duration now) {
    Bucket& bucket = Refill(name, now);
    if (bucket.tokens < 1 - kRounding) return false;
    bucket.tokens -= 1;
    return true;
  }

  // Takes back one Take() of `name`.
  void GiveBack(absl::string_view name, absl::Duration now) {
    Bucket& bucket = Refill(name, now);
    bucket.tokens = std::min(burst_, bucket.tokens + 1);
  }

  // Returns after which time Take() returns true again if nobody takes before.
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
    if (buckets_.size() >= kMostNames && !buckets_.contains(name)) {
      absl::erase_if(buckets_, [this, now](const auto& entry) {
        return TokensOf(entry.second, now) >= burst_;  // as one that was never there
      });
      if (buckets_.size() >= kMostNames) name = kOthers;
    }
    Bucket& bucket = buckets_.try_emplace(name, Bucket{burst_, now}).first->second;
    bucket = {TokensOf(bucket, now), now};
    return bucket;
  }

  [[nodiscard]] double TokensOf(const Bucket& bucket, absl::Duration now) const {
    const double hours = absl::FDivDuration(now - bucket.refilled, absl::Hours(1));
    return std::min(burst_, bucket.tokens + hours * per_hour_);
  }

  static constexpr absl::string_view kOthers = "";
  // Sums of floating-point numbers may be short of a whole token after RetryAfter().
  static constexpr double kRounding = 1e-6;

  double per_hour_;
  double burst_;
  absl::flat_hash_map<std::string, Bucket> buckets_;
};

}  // namespace billbroker
