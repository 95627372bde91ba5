// NamedLocks: a lock for each name.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "vault/base/mutex.h"

namespace billbroker {

// Thread-safe. Unlike a Mutex, a name may be held during calls of the vault and of BILL: it only
// makes the changes of one credential take turns, and guards no member.
class NamedLocks final {
 public:
  // Holds the lock of `name` during its life; the constructor waits for it.
  class Hold final {
   public:
    // Borrows `locks`.
    Hold(NamedLocks& locks, std::string name) : locks_(locks), name_(std::move(name)) {
      locks_.Acquire(name_).lock();
    }
    ~Hold() { locks_.Release(name_); }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    NamedLocks& locks_;
    const std::string name_;
  };

 private:
  struct Entry {
    std::mutex mutex;
    int users = 0;  // that hold it or wait for it
  };

  // Returns the lock of `name`, which stays until Release().
  std::mutex& Acquire(const std::string& name) {
    MutexLock lock(mutex_);
    Entry& entry = entries_[name];
    ++entry.users;
    return entry.mutex;
  }
  // Unlocks `name`.
  void Release(const std::string& name) {
    MutexLock lock(mutex_);
    const auto entry = entries_.find(name);
    entry->second.mutex.unlock();
    if (--entry->second.users == 0) entries_.erase(entry);
  }

  Mutex mutex_;
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace billbroker
