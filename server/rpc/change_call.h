// RunChange: a unary call that waits for its turn, and then blocks until its work is done. The
// handler contains only the work.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/types/optional.h"
#include "server/credentials/change_queue.h"
#include "server/rpc/authorizer.h"
#include "server/rpc/finish.h"
#include "server/rpc/patience.h"
#include "server/rpc/serving_state.h"
#include "vault/base/mutex.h"

namespace billbroker {

struct ChangeParts {  // borrowed
  const Authorizer& authorizer;
  ServingState& state;
  ChangeQueue& queue;
};

// The reactor of such a call. A caller that leaves, or a broker that stops, takes the call out of
// the queue. Work that has begun is finished, and its caller gets the outcome. If the broker must
// stop before the work ends, the call fails and reports that the outcome is unknown. Thread-safe.
class ChangeCall final : public grpc::ServerUnaryReactor, public EndableCall {
 public:
  // `begin` and `end` may use the call, and must not block. `work` may block, and must not use the
  // call, which may be answered before it returns.
  struct Steps {
    absl::AnyInvocable<absl::Status()> begin;  // when the turn has come
    absl::AnyInvocable<absl::Status()> work;   // if `begin` succeeded
    // Receives the status of `begin` or `work`, fills the response, and returns the status of the
    // call. Not called if the call has been answered.
    absl::AnyInvocable<absl::Status(const absl::Status&)> end;
  };

  // Returns a reactor that owns itself. Borrows `parts`.
  [[nodiscard]] static ChangeCall* Start(const ChangeParts& parts, ChangeQueue::Turn turn,
                                         Steps steps);

  void End(const absl::Status& why) override;
  void Abandon() override;
  void OnCancel() override;
  void OnDone() override;

 private:
  explicit ChangeCall(const ChangeParts& parts) : parts_(parts) {}

  void Run(Steps steps);
  // Ends the call, unless it has been answered.
  void Answer(const absl::Status& status);

  const ChangeParts parts_;
  std::shared_ptr<ChangeCall> self_;  // until gRPC is done with the call; set by Start()
  Mutex mutex_;                       // held during `begin` and `end`
  bool answered_ ABSL_GUARDED_BY(mutex_) = false;
};

// The caller of a change, whose turn has come.
struct Changer {
  CallInfo call;
  absl::Duration patience;  // how long the caller still waits
  CausePtr cause;           // of the sign-ins of the change
};

// Returns the turn of an authorized call.
template <typename Request>
[[nodiscard]] ChangeQueue::Turn TurnOf(const Request& request, const CallInfo& call) {
  ChangeQueue::Turn turn = {call.permission.credential, call.caller->name()};
  if constexpr (requires { request.end_sessions(); }) turn.ends_sessions = request.end_sessions();
  if constexpr (requires { request.allow_prompt(); }) turn.may_prompt = request.allow_prompt();
  return turn;
}

// Gives the value of a successful result to `fill`. A Status has none.
template <typename Fill>
void FillFrom(const absl::Status& /*result*/, Fill& /*fill*/) {}
template <typename T, typename Fill>
void FillFrom(const absl::StatusOr<T>& result, Fill& fill) {
  if (result.ok()) fill(*result);
}

// Runs the change of a call that was admitted. `prepare(request)` returns the work. The work owns
// its arguments: secrets are copied to the locked slab there, and the request is wiped right after
// it. When its turn has come and the call is still authorized, `work(changer)` is done and recorded
// in the audit log. It returns a Status or a StatusOr, whose value is given to `fill`. Borrows all
// else until the call is finished.
template <typename Request, typename Prepare, typename Fill>
[[nodiscard]] grpc::ServerUnaryReactor* RunAdmitted(const ChangeParts& parts,
                                                    grpc::CallbackServerContext& context,
                                                    const Request& request, CallInfo call,
                                                    Prepare prepare, Fill fill) {
  using Work = decltype(prepare(request));
  struct Change {
    Changer by;
    Work work;
    Fill fill;
    absl::optional<decltype(std::declval<Work&>()(by))> result = {};
  };
  ChangeQueue::Turn turn = TurnOf(request, call);
  const auto change = std::make_shared<Change>(
      Change{{std::move(call), {}, nullptr}, prepare(request), std::move(fill)});
  if (auto* const messages = context.GetRpcAllocatorState(); messages != nullptr) {
    messages->FreeRequest();
  }
  const Authorizer& authorizer = parts.authorizer;
  ChangeCall::Steps steps;
  steps.begin = [&authorizer, &context, change] {
    absl::Status status = authorizer.CheckTurn(context, change->by.call);
    if (!status.ok()) return status;
    change->by.patience = PatienceOf(context, kLongestTurn);
    change->by.cause = authorizer.CauseOf(context, change->by.call);
    return status;
  };
  steps.work = [change] {
    change->result.emplace(
        change->by.call.record.Do([&change] { return change->work(change->by); }));
    return Record::StatusOf(*change->result);
  };
  steps.end = [&context, change](const absl::Status& status) {
    if (change->result.has_value()) FillFrom(*change->result, change->fill);
    return Authorizer::RedactHiddenCredential(context, change->by.call.permission, status);
  };
  return ChangeCall::Start(parts, std::move(turn), std::move(steps));
}

// Admits the call, and runs its change.
template <typename Request, typename Prepare, typename Fill>
[[nodiscard]] grpc::ServerUnaryReactor* RunChange(const ChangeParts& parts,
                                                  grpc::CallbackServerContext& context,
                                                  const Request& request, Prepare prepare,
                                                  Fill fill) {
  absl::StatusOr<CallInfo> admitted = parts.authorizer.Admit(context, request);
  if (!admitted.ok()) return parts.state.Refuse(context, admitted.status());
  return RunAdmitted(parts, context, request, *std::move(admitted), std::move(prepare),
                     std::move(fill));
}

// For work that returns only a Status.
inline constexpr auto kNoResponse = [] {};

}  // namespace billbroker
