// PendingCall: a unary call that its test may cancel.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <functional>
#include <future>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "proto/status.h"
#include "tests/support/await.h"

namespace billbroker {

template <typename Request, typename Response>
struct PendingCall {
  explicit PendingCall(absl::Duration timeout = absl::InfiniteDuration()) {
    if (timeout != absl::InfiniteDuration()) {
      context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    }
  }

  // The callback of the call.
  std::function<void(grpc::Status)> Done() {
    return [this](const grpc::Status& status) { ended.set_value(FromGrpcStatus(status)); };
  }
  [[nodiscard]] bool HasEnded() const {
    return end.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
  // Returns the status with which the call ended; once.
  absl::Status AwaitEnd() {
    if (!AwaitReady(end, "the end of the call")) return absl::UnknownError("not ended");
    return end.get();
  }

  grpc::ClientContext context;
  Request request;
  Response response;
  std::promise<absl::Status> ended;
  std::future<absl::Status> end = ended.get_future();
};

}  // namespace billbroker
