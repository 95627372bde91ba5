// ClosableExecutor: an executor that can be closed to new work.
#pragma once

#include <utility>

#include "vault/base/executor.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Forwards work until it is closed, and drops it afterwards. It ends a cycle at shutdown: work of
// the session manager calls BILL, and the answers of BILL create new work.
class ClosableExecutor final : public Executor {
 public:
  explicit ClosableExecutor(Executor& executor) : executor_(executor) {}

  void Run(Work work) override {
    MutexLock lock(mutex_);
    if (!closed_) executor_.Run(std::move(work));
  }

  void RunAfter(absl::Duration delay, Work work) override {
    MutexLock lock(mutex_);
    if (!closed_) executor_.RunAfter(delay, std::move(work));
  }

  // Closes the executor. Once this call returns, no more work reaches the borrowed executor, so it
  // may be destroyed.
  void Close() {
    MutexLock lock(mutex_);
    closed_ = true;
  }

 private:
  Executor& executor_;
  Mutex mutex_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace billbroker
