// The three meters of BILL: sign-ins in a sliding hour, calls in a clock hour, calls at a time.
//
// Not thread-safe: Bill guards them. `now` never goes back.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace billbroker::billsim {

// Events of a key within the past `window`.
class SlidingWindow final {
 public:
  explicit SlidingWindow(absl::Duration window) : window_(window) {}

  [[nodiscard]] int Count(absl::string_view key, absl::Time now);
  void Add(absl::string_view key, absl::Time now);
  // How long until one more fits where `limit` are there; zero where it fits now.
  [[nodiscard]] absl::Duration UntilFree(absl::string_view key, int limit, absl::Time now);

 private:
  std::deque<absl::Time>& Recent(absl::string_view key, absl::Time now);

  absl::Duration window_;
  absl::flat_hash_map<std::string, std::deque<absl::Time>> events_;
};

// Events of a key since the clock struck the hour (UTC).
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

// Calls under way, by key.
class Concurrency final {
 public:
  // False where `limit` are under way already.
  [[nodiscard]] bool Enter(const std::string& key, int limit);
  void Leave(const std::string& key);
  [[nodiscard]] const std::map<std::string, int>& under_way() const { return under_way_; }

 private:
  std::map<std::string, int> under_way_;
};

}  // namespace billbroker::billsim
