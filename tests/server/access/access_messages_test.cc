// Golden texts of server/access. The other tests assert codes and reasons.

#include <gtest/gtest.h>

#include <string>

#include "server/access/caller.h"
#include "server/access/certificate_principal.h"

namespace billbroker {
namespace {

std::string MessageOf(const CertificateNames& names) {
  return std::string(PrincipalOf(names).status().message());
}

TEST(AccessMessagesTest, CertificateWithoutPrincipal) {
  EXPECT_EQ(
      MessageOf({}),
      "the certificate names nobody; issue it with a SPIFFE URI, a DNS name or a common name");
  EXPECT_EQ(MessageOf({{"spiffe://a/b", "spiffe://a/c"}, {}, ""}),
            "the certificate has several SPIFFE URIs; issue it with one");
  EXPECT_EQ(MessageOf({{"spiffe:a/b"}, {}, ""}),
            "the certificate has a SPIFFE URI that is not a SPIFFE ID; issue it with "
            "spiffe://DOMAIN/PATH");
  EXPECT_EQ(MessageOf({{}, {"a", "b"}, ""}),
            "the certificate has several DNS names; issue it with one, or with a SPIFFE URI");
  EXPECT_EQ(MessageOf({{}, {"*.a"}, ""}),
            "the certificate has a DNS name with other characters than letters, digits, '-', '_' "
            "and '.'");
  EXPECT_EQ(MessageOf({{}, {}, "a*"}),
            "the certificate has a common name that is not 1 to 64 printable ASCII characters "
            "without '*'");
}

}  // namespace
}  // namespace billbroker
