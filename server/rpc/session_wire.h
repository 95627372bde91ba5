// The answer of GetSession, written without a message object: the one call that services make all
// the time. docs/adr/0014-hits-write-their-answer.md says why.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "billbroker/v1/session.pb.h"
#include "server/rpc/translate.h"
#include "server/session/session.h"

namespace billbroker {

// A serialized GetSessionResponse with what FillSession() would say at `since_boot`. The session's
// secrets go from the locked slab into one buffer, which is wiped when gRPC lets go of it.
[[nodiscard]] grpc::ByteBuffer EncodeGetSessionResponse(const Session& session,
                                                        const SessionSecrets& secrets,
                                                        absl::Duration since_boot);

// MALFORMED_REQUEST where `bytes` are no such message.
[[nodiscard]] absl::StatusOr<v1::GetSessionRequest> DecodeGetSessionRequest(
    const grpc::ByteBuffer& bytes);

}  // namespace billbroker
