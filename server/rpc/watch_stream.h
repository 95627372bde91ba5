// StartWatchStream: one call of WatchSessions. Design: docs/adr/0013-watch-sessions.md.
#pragma once

#include <grpcpp/grpcpp.h>

#include "billbroker/v1/session.pb.h"
#include "server/rpc/gate.h"
#include "server/rpc/serving_state.h"
#include "server/session/session_manager.h"
#include "server/session/watch_hub.h"
#include "vault/base/clock.h"

namespace billbroker {

struct WatchStreamParts {  // borrowed; they outlive the server
  const Clock& clock;
  ServingState& state;
  SessionManager& sessions;
  WatchHub& hub;
  const Gate& gate;
};

// A reactor that owns itself. It tells the state of each organization of `request`, that this is
// complete, and then each change, until the caller goes or the broker drains; states are the
// session manager's at the time of writing. An organization that is marked but stands as it was
// last told is not told again. What is not granted to the caller, or is no more, is told as an
// error like another; the hub has to mark everything when the policy changes.
//
// Each session that it tells goes to `record`. Requires: CheckShape() of the request says OK;
// context and request live as long as the call.
[[nodiscard]] grpc::ServerWriteReactor<v1::WatchSessionsResponse>* StartWatchStream(
    const WatchStreamParts& parts, grpc::CallbackServerContext* context,
    const v1::WatchSessionsRequest* request, Record record);

// A stream that ends at once with `status`, which is not OK.
[[nodiscard]] grpc::ServerWriteReactor<v1::WatchSessionsResponse>* RefuseWatchStream(
    const absl::Status& status);

}  // namespace billbroker
