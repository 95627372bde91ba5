#include "server/rpc/change_call.h"

#include "vault/base/error.h"

namespace billbroker {

ChangeCall* ChangeCall::Start(const ChangeParts& parts, ChangeQueue::Turn turn, Steps steps) {
  const std::shared_ptr<ChangeCall> call(new ChangeCall(parts));
  call->self_ = call;
  // The work holds the call too, because gRPC may be done with an abandoned one.
  parts.queue.Add(call.get(), std::move(turn),
                  [call, steps = std::move(steps)]() mutable { call->Run(std::move(steps)); });
  // After Add(), so that the end of all waiting calls takes this one back too.
  parts.state.AddWaiting(call);
  return call.get();
}

void ChangeCall::Run(Steps steps) {
  absl::Status status;
  {
    MutexLock lock(mutex_);
    if (answered_) return;
    status = steps.begin();
  }
  if (status.ok()) status = steps.work();
  {
    MutexLock lock(mutex_);
    if (answered_) return;
    answered_ = true;
    status = steps.end(status);
  }
  steps = {};  // before gRPC may release the borrowed call
  Finished(this, status);
}

void ChangeCall::End(const absl::Status& why) {
  if (parts_.queue.Remove(this)) Answer(why);
}

void ChangeCall::Abandon() {
  Answer(MakeError({Reason::kDraining, {}, {{"outcome", "unknown"}}},
                   "the broker stopped while this change was under way, so its outcome is unknown; "
                   "read the credential before you repeat the change"));
}

void ChangeCall::Answer(const absl::Status& status) {
  {
    MutexLock lock(mutex_);
    if (answered_) return;
    answered_ = true;
  }
  Finished(this, status);
}

void ChangeCall::OnCancel() { End(absl::CancelledError("the caller left")); }

void ChangeCall::OnDone() {
  parts_.state.Forget(this);
  const std::shared_ptr<ChangeCall> last = std::move(self_);
}

}  // namespace billbroker
