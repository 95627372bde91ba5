// ClosableExecutor: an executor that can be told to take no more work.
#pragma once

#include <utility>

#include "vault/base/executor.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Passes work on until it is closed, and drops it from then on. It breaks a circle at the end of
// the process: work of the session manager calls BILL, and BILL's answers make new work.
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

  // From the return of this call on nothing reaches the executor, which may go.
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
