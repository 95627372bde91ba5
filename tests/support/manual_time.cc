#include "tests/support/manual_time.h"

#include <algorithm>

namespace billbroker {

absl::Time ManualClock::Now() const {
  MutexLock lock(mutex_);
  return now_;
}

absl::Duration ManualClock::SinceBoot() const {
  MutexLock lock(mutex_);
  return since_boot_;
}

void ManualClock::Advance(absl::Duration by) {
  MutexLock lock(mutex_);
  now_ += by;
  since_boot_ += by;
}

void ManualClock::JumpWall(absl::Duration by) {
  MutexLock lock(mutex_);
  now_ += by;
}

void ManualExecutor::Run(Work work) { RunAfter(absl::ZeroDuration(), std::move(work)); }

void ManualExecutor::RunAfter(absl::Duration delay, Work work) {
  const absl::Duration due = clock_.SinceBoot() + std::max(delay, absl::ZeroDuration());
  MutexLock lock(mutex_);
  due_.emplace(due, std::move(work));
}

void ManualExecutor::RunUntilIdle() { Advance(absl::ZeroDuration()); }

void ManualExecutor::Advance(absl::Duration by) {
  const absl::Duration end = clock_.SinceBoot() + by;
  while (Work work = Next(end)) work();
  clock_.Advance(std::max(end - clock_.SinceBoot(), absl::ZeroDuration()));
}

Executor::Work ManualExecutor::Next(absl::Duration limit) {
  MutexLock lock(mutex_);
  if (due_.empty() || due_.begin()->first > limit) return nullptr;
  const absl::Duration wait = due_.begin()->first - clock_.SinceBoot();
  if (wait > absl::ZeroDuration()) clock_.Advance(wait);
  Work work = std::move(due_.begin()->second);
  due_.erase(due_.begin());
  return work;
}

}  // namespace billbroker
