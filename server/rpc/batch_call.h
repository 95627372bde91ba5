// RunBatch: a call of BatchGetSessions.
#pragma once

#include <grpcpp/grpcpp.h>

#include "billbroker/v1/session.pb.h"
#include "server/rpc/authorizer.h"
#include "server/rpc/session_service.h"

namespace billbroker {

// Answers `request`, which was admitted as `call`: an outcome for each of its requests, in order.
// Shortly before the caller's deadline, the requests that still wait get DEADLINE_EXCEEDED, and the
// others their session. Requests for the same session with the same demand are merged: together
// they are one waiting call. All but `call` are borrowed until the call is finished.
[[nodiscard]] grpc::ServerUnaryReactor* RunBatch(const SessionServiceImpl::Parts& parts,
                                                 grpc::CallbackServerContext& context,
                                                 const v1::BatchGetSessionsRequest& request,
                                                 v1::BatchGetSessionsResponse& response,
                                                 CallInfo call);

}  // namespace billbroker
