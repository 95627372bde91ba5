// Drain: how a broker stops serving. StopWatchdog: bounds how long it takes to stop.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "absl/time/time.h"
#include "server/app/listeners.h"
#include "server/app/log.h"
#include "server/rpc/serving_state.h"
#include "server/session/session_manager.h"
#include "vault/base/clock.h"

namespace billbroker {

struct DrainParts {  // borrowed
  const Clock& clock;
  JsonLog& log;
  ServingState& state;
  SessionManager& sessions;
  Listeners& listeners;
};

// Stops in two steps. First, connections are still accepted and streams continue, but new calls are
// rejected with DRAINING. Calls and sign-ins under way are finished, also sign-ins that no call
// waits for. Then, or shortly before `timeout`, calls that still wait get DRAINING, and a change
// that has begun gets it with an unknown outcome; no connection is accepted any more, streams end
// with DRAINING, and all connections are closed. Returns within `timeout`, so that the rest of the
// process can stop in time.
void Drain(const DrainParts& parts, absl::Duration timeout);

// Ends the process if it takes too long to stop, for example because a disk does not answer.
class StopWatchdog final {
 public:
  // Borrows `log`.
  explicit StopWatchdog(JsonLog& log) : log_(log) {}
  StopWatchdog(const StopWatchdog&) = delete;
  StopWatchdog& operator=(const StopWatchdog&) = delete;
  // The process has stopped in time.
  ~StopWatchdog();

  // Ends the process with exit code 1 after `timeout`, or 5 s if that is longer. Once.
  void Start(absl::Duration timeout);

 private:
  void Watch(absl::Duration timeout);

  JsonLog& log_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool has_stopped_ = false;
  std::thread thread_;
};

}  // namespace billbroker
