// Random: the only source of random numbers below main.
#pragma once

#include <string>

namespace billbroker {

// Thread-safe.
class Random {
 public:
  virtual ~Random() = default;

  // Returns a number uniform in [0, 1). For jitter, not for keys.
  [[nodiscard]] virtual double Uniform() = 0;

  // Returns a unique id: 32 lower-case hexadecimal digits, 128 bits of entropy.
  [[nodiscard]] virtual std::string Uid() = 0;
};

// The kernel's generator, through libsodium.
class SystemRandom final : public Random {
 public:
  [[nodiscard]] double Uniform() override;
  [[nodiscard]] std::string Uid() override;
};

}  // namespace billbroker
