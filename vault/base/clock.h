// Clock: the only source of time below main.
#pragma once

#include "absl/time/time.h"

namespace billbroker {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // Returns the wall-clock time, for times that people and BILL see. It may jump.
  [[nodiscard]] virtual absl::Time Now() const = 0;

  // Returns the time since boot, including suspend (CLOCK_BOOTTIME), for deadlines. It never goes
  // back within a boot.
  [[nodiscard]] virtual absl::Duration SinceBoot() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] absl::Time Now() const override;
  [[nodiscard]] absl::Duration SinceBoot() const override;
};

}  // namespace billbroker
