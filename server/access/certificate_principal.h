// PrincipalOf: the principal that a client certificate names. The rule is in docs/configuration.md.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace billbroker {

// The names in a verified certificate.
struct CertificateNames {
  std::vector<std::string> uris;       // from the subject's alternative names
  std::vector<std::string> dns_names;  // likewise
  std::string common_name;             // the first one of the subject; may be empty
};

// Returns "spiffe://DOMAIN/PATH" if there is a SPIFFE URI, else "dns:NAME" in lower case if there
// is a DNS name, else "cn:NAME". The result is printable ASCII without "*".
//
// Fails with kInvalidArgument and the fix if the first kind of name that is present occurs twice or
// is malformed. It does not fall back to the next kind, so that no holder becomes another
// principal.
[[nodiscard]] absl::StatusOr<std::string> PrincipalOf(const CertificateNames& names);

}  // namespace billbroker
