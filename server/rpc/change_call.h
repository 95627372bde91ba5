// RunChange: a unary call that waits for its turn, and then blocks until its work is done. The
// handler contains only the work.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "server/credentials/change_queue.h"
#include "server/rpc/authorizer.h"
#include "server/rpc/finish.h"
#include "server/rpc/serving_state.h"

namespace billbroker {

struct ChangeParts {  // borrowed
  const Authorizer& authorizer;
  ServingState& state;
  ChangeQueue& queue;
};

// The reactor of such a call. A caller that leaves, or a broker that stops, takes the call out of
// the queue. Work that has begun is finished, and its caller gets the outcome. Thread-safe.
class ChangeCall final : public grpc::ServerUnaryReactor, public EndableCall {
 public:
  using Work = absl::AnyInvocable<absl::Status()>;  // returns the status of the call

  // Returns a reactor that owns itself. Borrows `parts`.
  [[nodiscard]] static ChangeCall* Start(const ChangeParts& parts, ChangeQueue::Turn turn,
                                         Work work);

  void End(const absl::Status& why) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  explicit ChangeCall(const ChangeParts& parts) : parts_(parts) {}

  const ChangeParts parts_;
  std::shared_ptr<ChangeCall> self_;  // until gRPC is done with the call
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

// Admits the call, and calls `prepare(request)`, which returns the work. The work owns its
// arguments: secrets are copied to the locked slab there, and the request is wiped right after it.
// When its turn has come, `work(call)` is done as Authorizer::RunAudited() does it; it returns a
// Status or a StatusOr, whose value is given to `fill`. Borrows all else until the call is
// finished.
template <typename Request, typename Prepare, typename Fill>
[[nodiscard]] grpc::ServerUnaryReactor* RunChange(const ChangeParts& parts,
                                                  grpc::CallbackServerContext& context,
                                                  const Request& request, Prepare prepare,
                                                  Fill fill) {
  absl::StatusOr<CallInfo> admitted = parts.authorizer.Admit(context, request);
  if (!admitted.ok()) return Finished(context.DefaultReactor(), admitted.status());
  ChangeQueue::Turn turn = TurnOf(request, *admitted);
  auto work = prepare(request);
  if (auto* const messages = context.GetRpcAllocatorState(); messages != nullptr) {
    messages->FreeRequest();
  }
  return ChangeCall::Start(parts, std::move(turn),
                           [&authorizer = parts.authorizer, &context, call = *std::move(admitted),
                            work = std::move(work), fill = std::move(fill)]() mutable {
                             auto result =
                                 authorizer.RunAudited(context, call, [&] { return work(call); });
                             FillFrom(result, fill);
                             return Record::StatusOf(result);
                           });
}

// For work that returns only a Status.
inline constexpr auto kNoResponse = [] {};

}  // namespace billbroker
