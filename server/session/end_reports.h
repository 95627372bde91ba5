// EndReports: notices that sessions of a devKey end in numbers at BILL.
#pragma once

#include <deque>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "server/session/ids.h"

namespace billbroker {

// If 3 sessions of a devKey are found ended within 10 s, BILL probably ended all of them, for
// example after a change of the user. From then on each other session of the devKey is checked
// before it is returned to a caller the next time, once. Not thread-safe: guarded by
// SessionManager. All times are Clock::SinceBoot().
class EndReports final {
 public:
  static constexpr int kEnough = 3;
  static constexpr absl::Duration kWithin = absl::Seconds(10);

  // Notes that BILL ended a session that it was last asked about at `last_asked`. Ignores the
  // end of a session that was suspected already.
  void Note(const DevKeyBudgetId& dev_key, absl::Duration last_asked, absl::Duration now) {
    DevKey& reports = dev_keys_[dev_key];
    if (last_asked < reports.suspected_since) return;
    reports.ends.push_back(now);
    while (reports.ends.front() + kWithin < now) reports.ends.pop_front();
    if (static_cast<int>(reports.ends.size()) < kEnough) return;
    reports.ends.clear();
    reports.suspected_since = now;
    newest_ = now;
  }

  // Returns the time since which the devKey's sessions are suspected; in the past of every session
  // if they are not.
  [[nodiscard]] absl::Duration SuspectedSince(const DevKeyBudgetId& dev_key) const {
    const auto found = dev_keys_.find(dev_key);
    return found == dev_keys_.end() ? -absl::InfiniteDuration() : found->second.suspected_since;
  }
  // Returns true if no devKey is suspected since `time`. Cheaper than SuspectedSince().
  [[nodiscard]] bool IsQuietSince(absl::Duration time) const { return newest_ < time; }

 private:
  struct DevKey {
    std::deque<absl::Duration> ends;  // since then, the newest ones, oldest first
    absl::Duration suspected_since = -absl::InfiniteDuration();
  };

  absl::flat_hash_map<DevKeyBudgetId, DevKey> dev_keys_;
  absl::Duration newest_ = -absl::InfiniteDuration();
};

}  // namespace billbroker
