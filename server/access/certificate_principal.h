// Which principal a client certificate is; docs/configuration.md says the rule to people.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace billbroker {

// What a certificate that was verified says of its holder.
struct CertificateNames {
  std::vector<std::string> uris;       // of the subject's alternative names, as are
  std::vector<std::string> dns_names;  // these
  std::string common_name;             // the subject's first; may be empty
};

// "spiffe://DOMAIN/PATH" where there is a SPIFFE URI; else "dns:NAME", in small letters, where
// there is a DNS name; else "cn:NAME". Holds printable ASCII and no "*".
//
// kInvalidArgument, with the fix, where the first of these that is there is there twice or out of
// shape: nobody becomes somebody else by a name of another kind.
[[nodiscard]] absl::StatusOr<std::string> PrincipalOf(const CertificateNames& names);

}  // namespace billbroker
