// SeededRandom: returns the same random numbers in every run.
#pragma once

#include <cstdint>
#include <iomanip>
#include <random>
#include <sstream>
#include <string>

#include "vault/base/mutex.h"
#include "vault/base/random.h"

namespace billbroker {

// Thread-safe.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed = 20261124) : generator_(seed) {}

  double Uniform() override {
    MutexLock lock(mutex_);
    return std::uniform_real_distribution<double>(0, 1)(generator_);
  }

  std::string Uid() override {
    MutexLock lock(mutex_);
    std::ostringstream uid;
    uid << std::hex << std::setfill('0') << std::setw(16) << generator_() << std::setw(16)
        << ++last_;
    return uid.str();
  }

 private:
  Mutex mutex_;
  std::mt19937_64 generator_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t last_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace billbroker
