// HeldTimers: an executor whose time a test keeps.
#pragma once

#include <utility>
#include <vector>

#include "vault/base/executor.h"
#include "vault/base/mutex.h"

namespace billbroker {

// What is to run now runs on `threads`; what is to run later waits for RunLater(): the engine's
// clock stands still, and its timers with it. Thread-safe.
class HeldTimers final : public Executor {
 public:
  explicit HeldTimers(Executor& threads) : threads_(threads) {}

  void Run(Work work) override { threads_.Run(std::move(work)); }
  void RunAfter(absl::Duration, Work work) override {
    MutexLock lock(mutex_);
    later_.push_back(std::move(work));
  }
  // All that waits by now, on this thread.
  void RunLater() {
    std::vector<Work> due;
    {
      MutexLock lock(mutex_);
      due = std::exchange(later_, {});
    }
    for (Work& work : due) work();
  }

 private:
  Executor& threads_;
  Mutex mutex_;
  std::vector<Work> later_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace billbroker
