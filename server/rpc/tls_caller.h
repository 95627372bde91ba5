// Identifies the caller at the other end of a TLS connection by its verified certificate.
#pragma once

#include <grpcpp/security/auth_context.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/access/caller.h"
#include "vault/base/mutex.h"

namespace billbroker {

// A certificate that gRPC has verified. A value.
struct ClientCertificate {
  absl::StatusOr<std::string> principal;  // that it names; kInvalidArgument if it names none
  std::string serial;                     // in upper-case hexadecimal digits
  absl::Time begins = absl::InfiniteFuture();
  absl::Time expires = absl::InfinitePast();
};

// Parses the certificate of each connection once, and not for each call. Thread-safe.
class ClientCertificates final {
 public:
  [[nodiscard]] std::shared_ptr<const ClientCertificate> Of(const grpc::AuthContext& peer);

 private:
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<const ClientCertificate>, std::less<>> by_pem_
      ABSL_GUARDED_BY(mutex_);
};

// Returns the caller. Fails with CALLER_UNKNOWN if the certificate does not name a valid principal,
// is not valid at `now`, or if the policy grants nothing to the principal; in the last two cases
// the metadata has `principal`. gRPC checks the validity only in a full handshake: neither later on
// the connection, nor if a client resumes an earlier TLS session.
[[nodiscard]] absl::StatusOr<CallerPtr> TlsCaller(Callers& callers,
                                                  const ClientCertificate& certificate,
                                                  absl::Time now);

}  // namespace billbroker
