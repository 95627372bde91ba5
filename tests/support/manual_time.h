// ManualClock: a clock that moves only when a test advances it; and an executor on that clock.
#pragma once

#include <deque>
#include <map>
#include <utility>

#include "absl/time/time.h"
#include "vault/base/clock.h"
#include "vault/base/executor.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Thread-safe.
class ManualClock final : public Clock {
 public:
  [[nodiscard]] absl::Time Now() const override;
  [[nodiscard]] absl::Duration SinceBoot() const override;

  // Advances both clocks.
  void Advance(absl::Duration by);
  // Changes only the wall clock, as an administrator can.
  void JumpWall(absl::Duration by);

 private:
  mutable Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_) = absl::FromUnixSeconds(1'800'000'000);
  absl::Duration since_boot_ ABSL_GUARDED_BY(mutex_) = absl::Hours(100);
};

// Runs work only in RunUntilIdle() and Advance(), on the caller's thread and by due time.
// Thread-safe, but only one thread may run work.
class ManualExecutor final : public Executor {
 public:
  explicit ManualExecutor(ManualClock& clock) : clock_(clock) {}

  void Run(Work work) override;
  void RunAfter(absl::Duration delay, Work work) override;

  // Runs the work that is due now, and the work that it makes due now.
  void RunUntilIdle();

  // Moves the clock forward by `by`. Stops at each due time on the way and runs the work that is
  // due.
  void Advance(absl::Duration by);

 private:
  // Returns the next work that is due at or before `limit` and moves the clock to its due time.
  // Returns null if there is none.
  Work Next(absl::Duration limit);

  ManualClock& clock_;
  Mutex mutex_;
  std::multimap<absl::Duration, Work> due_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace billbroker
