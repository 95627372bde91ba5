#include "server/app/drain.h"

#include <algorithm>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "server/app/process.h"
#include "vault/base/executor.h"

namespace billbroker {
namespace {

// How long the answers to new calls are held back before the connections begin to close: longer
// than a round trip.
constexpr absl::Duration kHold = absl::Milliseconds(100);
// The time in which clients receive gRPC's GOAWAY, after which they make calls on new connections.
constexpr absl::Duration kGoAway = absl::Milliseconds(100);
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

// Closes the connections. GOAWAY comes first, and only then an answer that a client may follow with
// another call: gRPC cancels the calls that arrive after a server's shutdown began, without a
// reason. So each client that calls again after an answer has a call that waits when GOAWAY comes.
void Close(const DrainParts& parts, absl::Time last_answers) {
  parts.state.HoldRefusals();
  parts.listeners.StopAccepting();
  std::this_thread::sleep_for(absl::ToChronoMilliseconds(kHold));
  ThreadExecutor timer(1);
  timer.RunAfter(kGoAway, [&parts] { parts.state.EndStreams(); });
  parts.listeners.Shutdown(std::max(last_answers, parts.clock.Now() + kLastAnswers));
}

// Returns the text that makes systemd wait for `timeout`, even if that is longer than the unit's
// TimeoutStopSec.
std::string StoppingWithin(absl::Duration timeout) {
  return absl::StrCat("STOPPING=1\nEXTEND_TIMEOUT_USEC=", absl::ToInt64Microseconds(timeout));
}

}  // namespace

void Drain(const DrainParts& parts, absl::Duration timeout) {
  const absl::Duration closing = std::min(kClosing, timeout / 4);
  const absl::Time end_of_waiting = parts.clock.Now() + timeout - closing;
  parts.log.Write(LogLevel::kInfo, "draining");
  NotifySystemd(StoppingWithin(std::max(timeout, kShortestWatch) + kClosing));
  parts.state.StartDraining();
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
  parts.state.AwaitCalls(std::max(end_of_waiting + closing / 2, parts.clock.Now() + kLastAnswers));
  parts.state.AbandonCalls();
  Close(parts, end_of_waiting + closing * 0.75);
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
