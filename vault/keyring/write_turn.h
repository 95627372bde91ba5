// WriteTurn: one write of the keyring at a time, its prompt included.
#pragma once

#include <condition_variable>
#include <mutex>

#include "absl/time/time.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Thread-safe. Not a std::timed_mutex, whose timed lock ThreadSanitizer does not see.
class WriteTurn final {
 public:
  // Blocks until no write is under way. Returns false if another write still is after `patience`.
  [[nodiscard]] bool Begin(absl::Duration patience) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex_.native());
    const bool free = ended_.wait_for(lock, absl::ToChronoMicroseconds(patience),
                                      [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return !taken_; });
    if (free) taken_ = true;
    return free;
  }

  void End() {
    MutexLock lock(mutex_);
    taken_ = false;
    ended_.notify_one();
  }

 private:
  Mutex mutex_;
  std::condition_variable ended_;
  bool taken_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace billbroker
