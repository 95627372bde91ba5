#include "server/app/drain.h"

#include <algorithm>
#include <cstdlib>
#include <future>
#include <memory>

#include "server/app/process.h"
#include "vault/base/executor.h"

namespace billbroker {
namespace {

// How long a stream that ends may wait for its reader.
constexpr absl::Duration kStreamGrace = absl::Seconds(1);
// The time that the last answers and the rest of the process need; of a short timeout a quarter.
constexpr absl::Duration kClosing = absl::Seconds(2);
// How long the last answers may take, even if the timeout is shorter.
constexpr absl::Duration kLastAnswers = absl::Milliseconds(200);
constexpr absl::Duration kShortestWatch = absl::Seconds(5);
constexpr int kFailed = 1;

// A future that is ready once no sign-in is under way.
std::future<void> StartDraining(SessionManager& sessions) {
  const auto drained = std::make_shared<std::promise<void>>();
  sessions.Drain([drained] { drained->set_value(); });
  return drained->get_future();
}

}  // namespace

void Drain(const DrainParts& parts, absl::Duration timeout) {
  const absl::Duration closing = std::min(kClosing, timeout / 4);
  const absl::Time end_of_waiting = parts.clock.Now() + timeout - closing;
  parts.log.Write(LogLevel::kInfo, "draining");
  NotifySystemd("STOPPING=1");
  parts.state.StartDraining();
  ThreadExecutor timer(1);
  timer.RunAfter(kStreamGrace, [&parts] { parts.state.CutStreams(); });
  const std::future<void> drained = StartDraining(parts.sessions);
  parts.listeners.StopServing();

  parts.state.AwaitCalls(end_of_waiting);
  const bool finished =
      drained.wait_until(absl::ToChronoTime(end_of_waiting)) == std::future_status::ready;
  if (!finished) {
    parts.log.Write(LogLevel::kWarning, "drain_incomplete",
                    {{"fix",
                      "sign-ins are still under way and count as lost answers; raise "
                      "drain_timeout above the time that BILL needs"}});
  }
  parts.state.EndWaiting();
  const absl::Time last_answers =
      std::max(end_of_waiting + closing / 2, parts.clock.Now() + kLastAnswers);
  parts.state.AwaitCalls(last_answers);
  parts.listeners.Shutdown(last_answers);
}

StopWatchdog::~StopWatchdog() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    has_stopped_ = true;
  }
  stopped_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void StopWatchdog::Start(absl::Duration timeout) {
  thread_ = std::thread([this, timeout] { Watch(std::max(timeout, kShortestWatch)); });
}

void StopWatchdog::Watch(absl::Duration timeout) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (stopped_.wait_for(lock, absl::ToChronoNanoseconds(timeout),
                        [this] { return has_stopped_; })) {
    return;
  }
  log_.Write(LogLevel::kError, "stop_forced",
             {{"fix",
               "something did not stop within drain_timeout: look for a disk, a keyring or a "
               "change of a credential that waits"}});
  std::_Exit(kFailed);
}

}  // namespace billbroker
