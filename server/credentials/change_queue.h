// ChangeQueue: decides which change of a credential runs next.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "absl/functional/any_invocable.h"
#include "vault/base/executor.h"
#include "vault/base/mutex.h"

namespace billbroker {

// The changes of one credential take turns, in a queue of its own: changes that end sessions first,
// because an operator answers a compromise with them. Between queues, and within each, the
// principal whose last change began longest ago is next, and then the change that waits longest. So
// a principal with a thousand changes delays another one by one change; only an admin who keeps
// ending the sessions of one credential delays the others of that credential. A change that may
// prompt a person waits here until no other one prompts: its caller may leave until then, and it
// holds up no other change. Thread-safe.
class ChangeQueue final {
 public:
  using Work = absl::AnyInvocable<void()>;

  struct Turn {
    std::string credential;
    std::string principal;
    bool ends_sessions = false;
    bool may_prompt = false;
  };

  // Runs at most `limit` changes at once on `executor`, which is borrowed and has as many threads.
  ChangeQueue(Executor& executor, int limit) : executor_(executor), limit_(limit) {}
  // Waits until all work has ended.
  ~ChangeQueue();
  ChangeQueue(const ChangeQueue&) = delete;
  ChangeQueue& operator=(const ChangeQueue&) = delete;

  // Runs `work`, which may block, when its turn has come, never on the caller's stack. `id` is
  // unique among the changes that wait.
  void Add(const void* id, Turn turn, Work work);

  // Takes back a change that waits. Returns false if its work has begun, or never will, since it
  // was taken back before. The work is destroyed on this stack.
  [[nodiscard]] bool Remove(const void* id);

  // Returns the number of changes that wait.
  [[nodiscard]] std::size_t waiting() const;

 private:
  struct Waiting {
    std::uint64_t number;  // in the order of arrival
    Turn turn;
    Work work;
  };
  using Entry = std::map<const void*, Waiting>::iterator;

  // Starts changes up to the limit.
  void StartAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Returns the change that is next; the end if none may run now.
  [[nodiscard]] Entry Next() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Returns the number of the principal's last change that began; 0 if none did lately.
  [[nodiscard]] std::uint64_t LastBegun(const std::string& principal) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void End(const Turn& turn);

  Executor& executor_;
  const int limit_;
  mutable Mutex mutex_;
  std::condition_variable idle_;
  std::map<const void*, Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> running_ ABSL_GUARDED_BY(mutex_);  // credentials
  // By principal, while changes wait or run.
  std::map<std::string, std::uint64_t> last_begun_ ABSL_GUARDED_BY(mutex_);
  bool prompting_ ABSL_GUARDED_BY(mutex_) = false;  // a change that may prompt runs
  std::uint64_t arrivals_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t starts_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace billbroker
