#include "server/rpc/waiting_reactor.h"

#include <utility>

namespace billbroker {

WaitingReactor* WaitingReactor::Start(ServingState& state, SessionManager& sessions) {
  const std::shared_ptr<WaitingReactor> reactor(new WaitingReactor(state, sessions));
  reactor->self_ = reactor;
  state.AddWaiting(reactor);
  return reactor.get();
}

void WaitingReactor::WaitFor(const absl::optional<WaitingCall>& call) {
  if (!call.has_value()) return;
  {
    MutexLock lock(mutex_);
    if (!stopped_.has_value()) return calls_.push_back(*call);
  }
  sessions_.Cancel(*call);
}

void WaitingReactor::EndAt(std::chrono::system_clock::time_point time, const absl::Status& why) {
  // Weak, because the alarm belongs to the reactor. Its destructor cancels it.
  alarm_.Set(time, [weak = std::weak_ptr<WaitingReactor>(self_), why](bool due) {
    const std::shared_ptr<WaitingReactor> reactor = due ? weak.lock() : nullptr;
    if (reactor != nullptr) reactor->Stop(why);
  });
}

absl::Status WaitingReactor::Explain(const absl::Status& status) const {
  if (!absl::IsCancelled(status)) return status;
  MutexLock lock(mutex_);
  return stopped_.value_or(status);
}

void WaitingReactor::Stop(const absl::Status& why) {
  std::vector<WaitingCall> calls;
  {
    MutexLock lock(mutex_);
    if (stopped_.has_value()) return;
    stopped_ = why;
    calls = std::exchange(calls_, {});
  }
  sessions_.Cancel(calls);
}

void WaitingReactor::End(const absl::Status& why) { Stop(why); }

void WaitingReactor::OnCancel() { Stop(absl::CancelledError("the caller left")); }

void WaitingReactor::OnDone() {
  state_.Forget(this);
  const std::shared_ptr<WaitingReactor> last = std::move(self_);
}

}  // namespace billbroker
