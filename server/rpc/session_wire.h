// Encodes and decodes GetSession, the call that services make most often, without a message object
// for the response. Design: docs/adr/0014-hits-write-their-answer.md.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "billbroker/v1/session.pb.h"
#include "server/rpc/translate.h"
#include "server/session/session.h"

namespace billbroker {

// Returns a serialized GetSessionResponse with the same fields that FillSession() sets at
// `since_boot`. Copies the session's secrets from the locked slab into one buffer, which is wiped
// when gRPC releases it.
[[nodiscard]] grpc::ByteBuffer EncodeGetSessionResponse(const Session& session,
                                                        const SessionSecrets& secrets,
                                                        absl::Duration since_boot);

// Fails with MALFORMED_REQUEST if `bytes` are not a valid GetSessionRequest.
[[nodiscard]] absl::StatusOr<v1::GetSessionRequest> DecodeGetSessionRequest(
    const grpc::ByteBuffer& bytes);

}  // namespace billbroker
