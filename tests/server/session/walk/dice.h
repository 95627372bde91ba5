// Dice: the decisions of a random walk, the same for the same seed.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "absl/time/time.h"

namespace billbroker {

class Dice final {
 public:
  explicit Dice(std::uint64_t seed) : generator_(seed) {}

  // Returns 0 to `end` - 1.
  int Below(int end) { return static_cast<int>(generator_() % static_cast<std::uint64_t>(end)); }
  bool Percent(int percent) { return Below(100) < percent; }
  template <typename T>
  const T& Pick(const std::vector<T>& from) {
    return from[static_cast<std::size_t>(Below(static_cast<int>(from.size())))];
  }
  // Returns 0 to `longest`, in milliseconds.
  absl::Duration UpTo(absl::Duration longest) {
    return absl::Milliseconds(Below(static_cast<int>(absl::ToInt64Milliseconds(longest)) + 1));
  }

 private:
  std::mt19937_64 generator_;
};

}  // namespace billbroker
