#include "server/rpc/change_call.h"

namespace billbroker {

ChangeCall* ChangeCall::Start(const ChangeParts& parts, ChangeQueue::Turn turn, Work work) {
  const std::shared_ptr<ChangeCall> call(new ChangeCall(parts));
  call->self_ = call;
  ChangeCall* const reactor = call.get();
  parts.queue.Add(reactor, std::move(turn), [reactor, work = std::move(work)]() mutable {
    const absl::Status status = work();
    work = nullptr;  // before gRPC may release the borrowed call
    Finished(reactor, status);
  });
  // After Add(), so that the end of all waiting calls takes this one back too.
  parts.state.AddWaiting(call);
  return reactor;
}

void ChangeCall::End(const absl::Status& why) {
  if (parts_.queue.Remove(this)) Finished(this, why);
}

void ChangeCall::OnCancel() { End(absl::CancelledError("the caller left")); }

void ChangeCall::OnDone() {
  parts_.state.Forget(this);
  const std::shared_ptr<ChangeCall> last = std::move(self_);
}

}  // namespace billbroker
