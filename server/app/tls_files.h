// The certificate, the key and the client CA of a TLS listener.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/app/config.h"

namespace billbroker {

// All texts are PEM. gRPC and OpenSSL keep copies of the key in ordinary memory for as long as they
// serve with it, so a SecretString would not help here. Memory that they free is wiped
// (docs/memory.md).
struct TlsIdentity {
  std::string certificate;  // with the chain
  std::string key;
  std::string client_ca;
  absl::Time expires;  // the certificate
};

// Reads the three files and checks that they belong together: the key is the certificate's, and the
// certificate is valid at `now`. Fails with kInvalidArgument, the error and the fix, without any
// content of a file. The files must belong to root or to this user, and no other user may write
// them; only the file's group may also read the key.
// file's group may read it.
[[nodiscard]] absl::StatusOr<TlsIdentity> LoadTlsIdentity(const TlsFiles& files, absl::Time now);

// Returns a text that differs for each state of the three files.
[[nodiscard]] std::string StateOf(const TlsFiles& files);

}  // namespace billbroker
