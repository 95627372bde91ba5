// Time that stands still until a test moves it, and an executor that obeys it.
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

  // Both clocks.
  void Advance(absl::Duration by);
  // The wall clock alone, as when an administrator sets it.
  void JumpWall(absl::Duration by);

 private:
  mutable Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_) = absl::FromUnixSeconds(1'800'000'000);
  absl::Duration since_boot_ ABSL_GUARDED_BY(mutex_) = absl::Hours(100);
};

// Runs nothing by itself: RunUntilIdle() and Advance() do, on the caller's thread, in the order of
// due times. Thread-safe, but only one thread may run work.
class ManualExecutor final : public Executor {
 public:
  explicit ManualExecutor(ManualClock& clock) : clock_(clock) {}

  void Run(Work work) override;
  void RunAfter(absl::Duration delay, Work work) override;

  // Runs all that is due now, and all that this makes due.
  void RunUntilIdle();

  // Moves the clock forward by `by`, stopping at each due time on the way to run what is due then.
  void Advance(absl::Duration by);

 private:
  // The next piece of work due at or before `limit`, with the clock moved to its time; null when
  // there is none.
  Work Next(absl::Duration limit);

  ManualClock& clock_;
  Mutex mutex_;
  std::multimap<absl::Duration, Work> due_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace billbroker
