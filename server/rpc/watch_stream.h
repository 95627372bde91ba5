// StartWatchStream: one call of WatchSessions. Design: docs/adr/0013-watch-sessions.md.
#pragma once

#include <grpcpp/grpcpp.h>

#include "billbroker/v1/session.pb.h"
#include "server/rpc/authorizer.h"
#include "server/rpc/serving_state.h"
#include "server/session/session_manager.h"
#include "server/session/watch_hub.h"
#include "vault/base/clock.h"
#include "vault/base/random.h"

namespace billbroker {

struct WatchStreamParts {  // borrowed; they outlive the server
  const Clock& clock;
  Random& random;
  ServingState& state;
  SessionManager& sessions;
  WatchHub& hub;
  const Authorizer& authorizer;
};

// Returns a reactor that owns itself. It sends the state of each organization of `request`, then a
// message that the list is complete, and then each change, until the caller leaves, the broker
// drains, or the time of ServingState::LongestStreamOf() has passed (CONNECTION_AGED; with a jitter
// of 10 %, so that watches that began together do not end together). A state is that of the session
// manager at the time of writing. An organization that is marked but has not changed since the last
// message is not sent again. If an organization is not granted to the caller or no longer exists,
// its state is an error like any other, so the hub must mark every organization when the policy
// changes.
//
// Records each session that it sends in `record`. Requires: CheckShape() succeeded; the context and
// the request live as long as the call.
[[nodiscard]] grpc::ServerWriteReactor<v1::WatchSessionsResponse>* StartWatchStream(
    const WatchStreamParts& parts, grpc::CallbackServerContext* context,
    const v1::WatchSessionsRequest* request, Record record);

// Returns a stream that ends at once with `status`, which is not OK.
[[nodiscard]] grpc::ServerWriteReactor<v1::WatchSessionsResponse>* RefuseWatchStream(
    const absl::Status& status);

}  // namespace billbroker
