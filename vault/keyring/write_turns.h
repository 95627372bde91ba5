// WriteTurns: one write of a credential at a time, its prompt included.
#pragma once

#include <condition_variable>
#include <mutex>
#include <set>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Thread-safe. Not a std::timed_mutex, whose timed lock ThreadSanitizer does not see.
class WriteTurns final {
 public:
  // Blocks until no write of the credential is under way. Returns false if another write still is
  // after `patience`.
  [[nodiscard]] bool Begin(absl::string_view name,
                           absl::Duration patience) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex_.native());
    const bool free = ended_.wait_for(lock, absl::ToChronoMicroseconds(patience),
                                      [this, name]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
                                        return !taken_.contains(std::string(name));
                                      });
    if (free) taken_.emplace(name);
    return free;
  }

  void End(absl::string_view name) {
    MutexLock lock(mutex_);
    taken_.erase(std::string(name));
    ended_.notify_all();
  }

 private:
  Mutex mutex_;
  std::condition_variable ended_;
  std::set<std::string> taken_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace billbroker
