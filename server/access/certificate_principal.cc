#include "server/access/certificate_principal.h"

#include <algorithm>
#include <iterator>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace billbroker {
namespace {

constexpr absl::string_view kSpiffe = "spiffe://";
constexpr std::size_t kMaxSpiffeSize = 2048;  // this and the next: SPIFFE ID specification
constexpr std::size_t kMaxTrustDomainSize = 255;
constexpr std::size_t kMaxDnsSize = 253;
constexpr std::size_t kMaxCommonNameSize = 64;  // X.520

bool IsMadeOf(absl::string_view text, bool (*is_allowed)(char)) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_allowed);
}

bool IsInLabel(char c) {
  return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' || c == '_';
}

bool IsPathSegment(absl::string_view segment) {
  return segment != "." && segment != ".." && IsMadeOf(segment, [](char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
         });
}

bool IsSpiffeId(absl::string_view uri) {
  if (uri.size() > kMaxSpiffeSize || !absl::ConsumePrefix(&uri, kSpiffe)) return false;
  const std::vector<absl::string_view> parts = absl::StrSplit(uri, '/');
  return parts[0].size() <= kMaxTrustDomainSize &&
         IsMadeOf(parts[0], [](char c) { return IsInLabel(c) || c == '.'; }) &&
         std::all_of(parts.begin() + 1, parts.end(), IsPathSegment);
}

bool IsDnsName(absl::string_view name) {
  if (name.size() > kMaxDnsSize) return false;
  const std::vector<absl::string_view> labels = absl::StrSplit(name, '.');
  return std::all_of(labels.begin(), labels.end(),
                     [](absl::string_view label) { return IsMadeOf(label, IsInLabel); });
}

bool IsCommonName(absl::string_view name) {
  return name.size() <= kMaxCommonNameSize &&
         IsMadeOf(name, [](char c) { return absl::ascii_isprint(c) && c != '*'; });
}

// The message does not repeat the malformed name, because it comes from the caller and goes into
// logs.
absl::Status Refused(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("the certificate ", why));
}

}  // namespace

absl::StatusOr<std::string> PrincipalOf(const CertificateNames& names) {
  std::vector<std::string> spiffe;
  std::copy_if(names.uris.begin(), names.uris.end(), std::back_inserter(spiffe),
               [](const std::string& uri) { return absl::StartsWithIgnoreCase(uri, "spiffe:"); });
  if (spiffe.size() > 1) return Refused("has several SPIFFE URIs; issue it with one");
  if (spiffe.size() == 1) {
    if (IsSpiffeId(spiffe[0])) return spiffe[0];
    return Refused("has a SPIFFE URI that is not a SPIFFE ID; issue it with spiffe://DOMAIN/PATH");
  }
  if (names.dns_names.size() > 1) {
    return Refused("has several DNS names; issue it with one, or with a SPIFFE URI");
  }
  if (names.dns_names.size() == 1) {
    const std::string name = absl::AsciiStrToLower(names.dns_names[0]);
    if (IsDnsName(name)) return absl::StrCat("dns:", name);
    return Refused("has a DNS name with other characters than letters, digits, '-', '_' and '.'");
  }
  if (names.common_name.empty()) {
    return Refused("names nobody; issue it with a SPIFFE URI, a DNS name or a common name");
  }
  if (IsCommonName(names.common_name)) return absl::StrCat("cn:", names.common_name);
  return Refused("has a common name that is not 1 to 64 printable ASCII characters without '*'");
}

}  // namespace billbroker
