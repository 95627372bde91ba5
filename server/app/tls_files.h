// The certificate, the key and the client CA that a TLS listener serves with.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/app/config.h"

namespace billbroker {

// All PEM. gRPC and OpenSSL keep copies of the key in ordinary memory for as long as they serve
// with it, so it is no SecretString here; what they free is wiped (docs/memory.md).
struct TlsIdentity {
  std::string certificate;  // with the chain
  std::string key;
  std::string client_ca;
  absl::Time expires;  // the certificate
};

// Reads the three and sees that they belong together: the key is the certificate's, which is in
// force at `now`. kInvalidArgument with what is wrong and the fix; nothing of a file's content is
// in it. The files are root's or this user's; nobody else may write them, and of the key only the
// file's group may read it.
[[nodiscard]] absl::StatusOr<TlsIdentity> LoadTlsIdentity(const TlsFiles& files, absl::Time now);

// Another text for each state of the three files.
[[nodiscard]] std::string StateOf(const TlsFiles& files);

}  // namespace billbroker
