// Executor: runs work that may block, at once or later.
#pragma once

#include <condition_variable>
#include <map>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Thread-safe. Work may run on any thread, in any order, and must not throw.
class Executor {
 public:
  using Work = absl::AnyInvocable<void()>;

  virtual ~Executor() = default;

  // Runs `work` soon, never on the caller's stack.
  virtual void Run(Work work) = 0;

  // Runs `work` once `delay` has passed.
  virtual void RunAfter(absl::Duration delay, Work work) = 0;
};

// A fixed number of threads. The destructor runs the work of Run(), drops delayed work that is not
// due yet, and joins the threads.
class ThreadExecutor final : public Executor {
 public:
  explicit ThreadExecutor(int threads);
  ~ThreadExecutor() override;

  void Run(Work work) override;
  void RunAfter(absl::Duration delay, Work work) override;

 private:
  void Loop() ABSL_NO_THREAD_SAFETY_ANALYSIS;  // waits on the native mutex

  Mutex mutex_;
  std::condition_variable wake_;
  // Keyed by the time since boot at which the work is due; equal keys keep their order.
  std::multimap<absl::Duration, Work> due_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace billbroker
