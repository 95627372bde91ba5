// PastHour: the times of events, each of which is forgotten after an hour.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>

#include "absl/time/time.h"

namespace billbroker {

// Not thread-safe. All times are Clock::SinceBoot().
class PastHour final {
 public:
  static constexpr absl::Duration kWindow = absl::Hours(1);

  // Adds an event. The events may be added in any order.
  void Add(absl::Duration when) {
    times_.insert(std::upper_bound(times_.begin(), times_.end(), when), when);
  }

  // Returns the number of events within the hour before `now`, and forgets the others.
  int CountAt(absl::Duration now) {
    while (!times_.empty() && times_.front() + kWindow <= now) times_.pop_front();
    return static_cast<int>(times_.size());
  }

  // Returns the time at which the `count` oldest events are forgotten; infinite if there are fewer.
  [[nodiscard]] absl::Duration ForgottenAt(int count) const {
    if (count <= 0) return -absl::InfiniteDuration();
    const auto index = static_cast<std::size_t>(count) - 1;
    return index < times_.size() ? times_[index] + kWindow : absl::InfiniteDuration();
  }

 private:
  std::deque<absl::Duration> times_;  // oldest first
};

}  // namespace billbroker
