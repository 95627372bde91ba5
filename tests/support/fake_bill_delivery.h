// FakeBillDelivery: when the answers of FakeBill are delivered.
#pragma once

#include <deque>

#include "absl/time/time.h"
#include "vault/base/executor.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Delivers on the executor after the latency (zero at first), unless AnswerAtOnce() or Hold() was
// called. Thread-safe. The destructor drops the held answers.
class FakeBillDelivery final {
 public:
  explicit FakeBillDelivery(Executor& executor) : executor_(executor) {}

  // Runs `answer` now, later, or when it is released.
  void Deliver(Executor::Work answer);

  void SetLatency(absl::Duration latency);
  // Delivers on the caller's stack. Finds a lock that is held across a call.
  void AnswerAtOnce();
  // Holds all answers from now on.
  void Hold();
  // Delivers the oldest held answer on this thread. Returns false if none is held.
  bool ReleaseOne();
  // Delivers the newest held answer. Requires a held answer.
  void ReleaseLast();
  // Delivers all held answers on this thread, oldest first, and holds no more.
  void ReleaseAll();
  [[nodiscard]] int held() const;

 private:
  enum class Mode { kExecutor, kAtOnce, kHeld };

  Executor& executor_;
  mutable Mutex mutex_;
  Mode mode_ ABSL_GUARDED_BY(mutex_) = Mode::kExecutor;
  absl::Duration latency_ ABSL_GUARDED_BY(mutex_);
  std::deque<Executor::Work> held_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace billbroker
