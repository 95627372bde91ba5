// absl::Status to gRPC and back: the reason becomes ErrorInfo, the time to wait RetryInfo.
//
// Both are packed under their public google.rpc type URLs, so that any language's helper reads
// them.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "billbroker/v1/error.pb.h"

namespace billbroker {

// What a failed call answers. A status without a reason (a bug, mostly) becomes INTERNAL without
// its message.
[[nodiscard]] v1::ErrorStatus ToErrorStatus(const absl::Status& status);
[[nodiscard]] grpc::Status ToGrpcStatus(const absl::Status& status);

// The inverse, for clients: DetailsOf() works on what comes back. Reasons unknown to this build,
// and statuses from gRPC itself, keep their code and message and have no details.
[[nodiscard]] absl::Status FromErrorStatus(const v1::ErrorStatus& status);
[[nodiscard]] absl::Status FromGrpcStatus(const grpc::Status& status);

}  // namespace billbroker
