// HeldTimers: an executor that holds delayed work until the test releases it.
#pragma once

#include <utility>
#include <vector>

#include "vault/base/executor.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Run() runs work on `threads`. RunAfter() holds work until RunLater(), for session managers whose
// clock does not move. Thread-safe.
class HeldTimers final : public Executor {
 public:
  explicit HeldTimers(Executor& threads) : threads_(threads) {}

  void Run(Work work) override { threads_.Run(std::move(work)); }
  void RunAfter(absl::Duration, Work work) override {
    MutexLock lock(mutex_);
    later_.push_back(std::move(work));
  }
  // Runs all held work on this thread.
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
