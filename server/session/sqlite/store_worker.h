// StoreWorker: a thread for calls to a disk that may hang.
#pragma once

#include <condition_variable>
#include <memory>
#include <thread>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Runs one call at a time. The owner waits for it as long as it likes. Everything that a call uses
// must belong to it or be shared with it, because a call that hangs outlives its owner. One thread
// uses it, apart from Stop().
class StoreWorker final {
 public:
  StoreWorker();
  // If a call is under way, leaves the thread behind, which ends after the call.
  ~StoreWorker();
  StoreWorker(const StoreWorker&) = delete;
  StoreWorker& operator=(const StoreWorker&) = delete;

  // Starts `call`. The one before must have ended.
  void Start(absl::AnyInvocable<void()> call);

  // Waits for the end of the call. Returns false if it takes longer.
  [[nodiscard]] bool Await(absl::Duration longest) ABSL_NO_THREAD_SAFETY_ANALYSIS;
  // Waits for the end of the call or for Stop(). Returns true if the call has ended.
  [[nodiscard]] bool AwaitUnlessStopped() ABSL_NO_THREAD_SAFETY_ANALYSIS;

  // Ends AwaitUnlessStopped(), for good. Thread-safe.
  void Stop();

 private:
  struct Shared {
    Mutex mutex;
    std::condition_variable changed;
    absl::AnyInvocable<void()> call ABSL_GUARDED_BY(mutex);
    bool busy ABSL_GUARDED_BY(mutex) = false;  // a call waits or runs
    bool stopped ABSL_GUARDED_BY(mutex) = false;
    bool closing ABSL_GUARDED_BY(mutex) = false;
  };

  static void Loop(Shared& shared) ABSL_NO_THREAD_SAFETY_ANALYSIS;

  const std::shared_ptr<Shared> shared_;  // with the thread, which may outlive this object
  std::thread thread_;
};

}  // namespace billbroker
