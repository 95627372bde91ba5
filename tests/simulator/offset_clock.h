// OffsetClock: another clock plus an offset, for /clock/advance.
#pragma once

#include "absl/time/time.h"
#include "vault/base/clock.h"
#include "vault/base/mutex.h"

namespace billbroker::billsim {

// Thread-safe.
class OffsetClock final : public Clock {
 public:
  explicit OffsetClock(const Clock& base) : base_(base) {}

  [[nodiscard]] absl::Time Now() const override { return base_.Now() + ahead(); }
  [[nodiscard]] absl::Duration SinceBoot() const override { return base_.SinceBoot() + ahead(); }

  void Advance(absl::Duration by) {
    MutexLock lock(mutex_);
    ahead_ += by;
  }
  [[nodiscard]] absl::Duration ahead() const {
    MutexLock lock(mutex_);
    return ahead_;
  }

 private:
  const Clock& base_;
  mutable Mutex mutex_;
  absl::Duration ahead_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace billbroker::billsim
