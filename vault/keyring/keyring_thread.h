// KeyringThread: the one thread that talks to the keyring, with a GLib main context of its own.
#pragma once

#include <glib.h>

#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "vault/base/mutex.h"
#include "vault/keyring/deadline.h"

namespace billbroker {

// Jobs run one at a time, in the order in which they came. Thread-safe. Requires: every Run() has
// returned before the destructor begins.
class KeyringThread final {
 public:
  KeyringThread();
  ~KeyringThread();
  KeyringThread(const KeyringThread&) = delete;
  KeyringThread& operator=(const KeyringThread&) = delete;

  // Runs `job` on the thread, and returns when it has ended. The job must end by the deadline that
  // it receives. Returns false, and the job never runs, if the jobs before it took until
  // `deadline`.
  [[nodiscard]] bool Run(Deadline deadline, absl::FunctionRef<void(Deadline)> job);
  // Does the same, before the jobs that wait.
  [[nodiscard]] bool RunNext(Deadline deadline, absl::FunctionRef<void(Deadline)> job);

  // Runs `work` on the thread after `delay`, between jobs; drops it if the thread ends first.
  void RunAfter(absl::Duration delay, std::function<void()> work);

 private:
  friend class KeyringThreadPeer;  // of the tests, which wait until a job is queued
  struct Queued;

  bool Await(Queued& queued, std::unique_lock<std::mutex>& lock);
  void Loop();

  GMainContext* const context_;
  Mutex mutex_;
  std::deque<Queued*> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace billbroker
