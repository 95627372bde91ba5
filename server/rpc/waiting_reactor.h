// WaitingReactor: a unary call that waits for one or more answers of the session manager, and takes
// them back if its caller leaves or the broker stops.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/support/server_callback.h>

#include <chrono>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "server/rpc/serving_state.h"
#include "server/session/session_manager.h"
#include "vault/base/mutex.h"

namespace billbroker {

// The session manager calls each callback exactly once, with CANCELLED for a call that is taken
// back. So the callback of the last answer, and only that one, calls Finish(), and gRPC releases
// the call, with its place in the caller's limits, at once. gRPC deletes the reactor after
// Finish(), but not before the handler has returned: until then both may use it. Thread-safe.
class WaitingReactor final : public grpc::ServerUnaryReactor, public EndableCall {
 public:
  // Borrows both.
  [[nodiscard]] static WaitingReactor* Start(ServingState& state, SessionManager& sessions);

  // Notes that the answer waits for `call`; nullopt: it was given already. If End() or OnCancel()
  // was called meanwhile, takes `call` back at once.
  void WaitFor(const absl::optional<WaitingCall>& call);

  // Calls End() with `why` at `time`, unless the call has ended before. Call it at most once.
  void EndAt(std::chrono::system_clock::time_point time, const absl::Status& why);

  // Returns the status to answer with: the reason of End() if `status` is CANCELLED because of it,
  // else `status`.
  [[nodiscard]] absl::Status Explain(const absl::Status& status) const;

  // Takes back the calls that wait. Their callbacks receive CANCELLED, see Explain().
  void End(const absl::Status& why) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  WaitingReactor(ServingState& state, SessionManager& sessions)
      : state_(state), sessions_(sessions) {}

  void Stop(const absl::Status& why);

  ServingState& state_;
  SessionManager& sessions_;
  // Until gRPC is done with the call; ServingState may hold it a little longer.
  std::shared_ptr<WaitingReactor> self_;
  grpc::Alarm alarm_;
  mutable Mutex mutex_;
  absl::optional<absl::Status> stopped_ ABSL_GUARDED_BY(mutex_);
  std::vector<WaitingCall> calls_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace billbroker
