// Load: repeated calls of GetSession for one organization.
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace billbroker {

struct Load {
  std::string organization_id;
  int calls = 0;      // at least `in_flight`
  int in_flight = 1;  // each call starts the next one when it has been answered
};

struct LoadResult {
  absl::Duration took;  // from the first call to the last answer
  absl::Duration p99;   // of one call
  absl::Time ended;
  absl::Time sign_in_time;  // of the session in the last answer
};

// Returns a connected channel to `socket`, or kUnavailable. All these channels of the process share
// one connection, because gRPC shares connections between channels with the same arguments.
[[nodiscard]] absl::StatusOr<std::shared_ptr<grpc::Channel>> ConnectTo(absl::string_view socket);

// The same, with a connection that no other channel shares. The broker takes 1,000 calls at a time
// on a connection; gRPC queues later calls in the client until one of them ends.
[[nodiscard]] absl::StatusOr<std::shared_ptr<grpc::Channel>> ConnectSeparately(
    absl::string_view socket);

// Calls GetSession with `include_dev_key`. Fails if one call fails.
[[nodiscard]] absl::StatusOr<LoadResult> RunLoad(const std::shared_ptr<grpc::Channel>& channel,
                                                 const Load& load);

}  // namespace billbroker
