// Identifies the caller at the other end of a TLS connection by its verified certificate.
#pragma once

#include <grpcpp/security/auth_context.h>

#include <string>

#include "absl/status/statusor.h"
#include "server/access/caller.h"

namespace billbroker {

// Returns the principal that the certificate names, or kInvalidArgument if it names none.
[[nodiscard]] absl::StatusOr<std::string> CertificateName(const grpc::AuthContext& peer);

// Returns the caller. Fails with CALLER_UNKNOWN if the certificate does not name a valid principal,
// or if the policy grants nothing to the principal; in the second case the metadata has
// `principal`.
[[nodiscard]] absl::StatusOr<CallerPtr> TlsCaller(Callers& callers, const grpc::AuthContext& peer);

// Returns the certificate's serial number in upper-case hexadecimal digits; empty if there is none.
[[nodiscard]] std::string CertificateSerial(const grpc::AuthContext& peer);

}  // namespace billbroker
