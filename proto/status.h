// Converts absl::Status to gRPC's status and back. The reason becomes a google.rpc.ErrorInfo, the
// time to wait a google.rpc.RetryInfo, so that the helpers of any language read them.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "billbroker/v1/error.pb.h"

namespace billbroker {

// Returns the error of a failed call, or of one request in a batch or watch. A status without a
// reason is a bug: it becomes INTERNAL without its message.
[[nodiscard]] grpc::Status ToGrpcStatus(const absl::Status& status);
[[nodiscard]] v1::ErrorStatus ToErrorStatus(const absl::Status& status);

// Returns the status that a client received, with details for DetailsOf(). An unknown
// reason, or a status of gRPC itself, keeps its code and message and has no details.
[[nodiscard]] absl::Status FromGrpcStatus(const grpc::Status& status);
[[nodiscard]] absl::Status FromErrorStatus(const v1::ErrorStatus& status);

}  // namespace billbroker
