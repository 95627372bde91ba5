// One unary call, as all clients of this module make it. Not for programs that use them.
#pragma once

#include <grpc/support/time.h>
#include <grpcpp/client_context.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "proto/redacted.h"
#include "proto/status.h"
#include "vault/base/error.h"

namespace billbroker {

struct CallPolicy {
  absl::Duration timeout;
  bool wait_for_ready = false;
};

// Explains a status of gRPC itself. A status of the broker has a reason and is returned unchanged.
inline absl::Status Explained(absl::Status status, const CallPolicy& policy) {
  if (DetailsOf(status).has_value()) return status;
  if (status.code() == absl::StatusCode::kUnavailable) {
    return absl::UnavailableError(absl::StrCat("cannot reach the broker: ", status.message()));
  }
  if (status.code() == absl::StatusCode::kDeadlineExceeded) {
    return absl::DeadlineExceededError(absl::StrCat("the broker did not answer within ",
                                                    absl::FormatDuration(policy.timeout),
                                                    "; ask again, or allow more time"));
  }
  return status;
}

// Calls `method` of `stub` with a deadline, then wipes the secrets of `request`.
//
// There is no retry. The broker already retries at BILL inside its budgets, and shares one sign-in
// among all callers. A second loop here would multiply the load and hide the RetryInfo, which has
// the time at which another call is useful.
template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Call(Stub& stub,
                              grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                           Response*),
                              Request request, const CallPolicy& policy) {
  grpc::ClientContext context;
  context.set_deadline(
      gpr_time_from_micros(absl::ToInt64Microseconds(policy.timeout), GPR_TIMESPAN));
  context.set_wait_for_ready(policy.wait_for_ready);
  Response response;
  const absl::Status status = FromGrpcStatus((stub.*method)(&context, request, &response));
  WipeSecrets(request);
  if (!status.ok()) return Explained(status, policy);
  return response;
}

}  // namespace billbroker
