// The meters of BILL's limits: a sliding window, a clock hour, and concurrent calls.
//
// Not thread-safe; Bill guards them. `now` never decreases.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace billbroker::billsim {

// Counts the events of each key within the past `window`.
class SlidingWindow final {
 public:
  explicit SlidingWindow(absl::Duration window) : window_(window) {}

  [[nodiscard]] int Count(absl::string_view key, absl::Time now);
  void Add(absl::string_view key, absl::Time now);
  // Returns the time until there are fewer than `limit` events; zero if there are fewer now.
  [[nodiscard]] absl::Duration UntilFree(absl::string_view key, int limit, absl::Time now);

 private:
  std::deque<absl::Time>& Recent(absl::string_view key, absl::Time now);

  absl::Duration window_;
  absl::flat_hash_map<std::string, std::deque<absl::Time>> events_;
};

// Counts the events of each key since the start of the hour (UTC).
class ClockHour final {
 public:
  [[nodiscard]] int Count(absl::string_view key, absl::Time now) const;
  void Add(absl::string_view key, absl::Time now);
  [[nodiscard]] static absl::Duration UntilNext(absl::Time now);

 private:
  struct Tally {
    std::int64_t hour = 0;
    int count = 0;
  };
  absl::flat_hash_map<std::string, Tally> tallies_;
};

// Counts the calls in progress of each key.
class Concurrency final {
 public:
  // Returns false if `limit` calls are in progress.
  [[nodiscard]] bool Enter(const std::string& key, int limit);
  void Leave(const std::string& key);
  [[nodiscard]] const std::map<std::string, int>& under_way() const { return under_way_; }

 private:
  std::map<std::string, int> under_way_;
};

}  // namespace billbroker::billsim
