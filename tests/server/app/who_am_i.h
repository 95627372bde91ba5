// WhoAmI: a service that answers with the principal that called.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/types/optional.h"
#include "billbroker/v1/session.grpc.pb.h"
#include "proto/status.h"
#include "server/rpc/serving_state.h"
#include "vault/base/error.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Answers GetStatus with the principal that called.
class WhoAmI final : public v1::SessionService::CallbackService {
 public:
  explicit WhoAmI(const ServingState& state) : state_(state) {}

  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* context,
                                      const v1::GetStatusRequest*,
                                      v1::GetStatusResponse* response) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    {
      MutexLock lock(mutex_);
      last_ = ServingState::OriginOf(*context);
    }
    const absl::StatusOr<CallerPtr> caller = state_.Enter(*context, absl::ZeroDuration());
    if (caller.ok()) response->set_version((*caller)->name());
    reactor->Finish(ToGrpcStatus(caller.status()));
    return reactor;
  }

  // Returns the origin of the last call.
  Origin last() {
    MutexLock lock(mutex_);
    return last_;
  }

 private:
  const ServingState& state_;
  Mutex mutex_;
  Origin last_ ABSL_GUARDED_BY(mutex_);
};

// Returns the principal of the channel's user, or the reason of the refusal.
inline std::string Who(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  v1::GetStatusResponse response;
  const grpc::Status status =
      v1::SessionService::NewStub(channel)->GetStatus(&context, {}, &response);
  if (status.ok()) return response.version();
  const absl::optional<ErrorDetails> details = DetailsOf(FromGrpcStatus(status));
  return details.has_value() ? std::string(ReasonName(details->reason)) : status.error_message();
}

}  // namespace billbroker
