// KeyringThread: the one thread that talks to the keyring, with a GLib main context of its own.
#pragma once

#include <glib.h>

#include <deque>
#include <functional>
#include <thread>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "vault/base/mutex.h"
#include "vault/keyring/deadline.h"

namespace billbroker {

// Jobs run one at a time, in the order in which they came. Thread-safe; the destructor must come
// after every Run() has returned.
class KeyringThread final {
 public:
  KeyringThread();
  ~KeyringThread();
  KeyringThread(const KeyringThread&) = delete;
  KeyringThread& operator=(const KeyringThread&) = delete;

  // Runs `job` on the thread and returns when it has ended, which it has to by the deadline that it
  // is given. Returns false, and the job never runs, where jobs before it took until `deadline`.
  [[nodiscard]] bool Run(Deadline deadline, absl::FunctionRef<void(Deadline)> job);

  // Runs `work` on the thread after `delay`, between jobs; drops it where the thread ends first.
  void RunAfter(absl::Duration delay, std::function<void()> work);

 private:
  struct Queued;

  void Loop();

  GMainContext* const context_;
  Mutex mutex_;
  std::deque<Queued*> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace billbroker
