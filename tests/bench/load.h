// Load: one organization's session, asked for again and again.
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
  int calls = 0;      // at least as many as are in flight
  int in_flight = 1;  // each starts the next one when it is answered
};

struct LoadResult {
  absl::Duration took;  // from the first call to the last answer
  absl::Duration p99;   // of one call
  absl::Time ended;
  absl::Time sign_in_time;  // of the session that came with the last answer
};

// A channel to a socket; connected, or kUnavailable.
[[nodiscard]] absl::StatusOr<std::shared_ptr<grpc::Channel>> ConnectTo(absl::string_view socket);

// Calls GetSession with `include_dev_key`. Fails where one call does.
[[nodiscard]] absl::StatusOr<LoadResult> RunLoad(const std::shared_ptr<grpc::Channel>& channel,
                                                 const Load& load);

}  // namespace billbroker
