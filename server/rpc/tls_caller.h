// Who is at the other end of a TLS connection, as gRPC read it from the certificate that was
// verified.
#pragma once

#include <grpcpp/security/auth_context.h>

#include <string>

#include "absl/status/statusor.h"
#include "server/access/caller.h"

namespace billbroker {

// The principal that the certificate is; kInvalidArgument where it is none.
[[nodiscard]] absl::StatusOr<std::string> CertificateName(const grpc::AuthContext& peer);

// Returns the caller. Fails with CALLER_UNKNOWN if the certificate names no valid principal, or if
// the policy grants nothing to the principal; in the second case the metadata has `principal`.
[[nodiscard]] absl::StatusOr<CallerPtr> TlsCaller(Callers& callers, const grpc::AuthContext& peer);

// The certificate's serial number, in capital hexadecimal digits; empty where there is none.
[[nodiscard]] std::string CertificateSerial(const grpc::AuthContext& peer);

}  // namespace billbroker
