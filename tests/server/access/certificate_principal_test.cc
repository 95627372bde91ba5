#include "server/access/certificate_principal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

// Matches a certificate whose names give no principal.
MATCHER(IsRejected, "") {
  return ::testing::ExplainMatchResult(StatusIs(absl::StatusCode::kInvalidArgument),
                                       PrincipalOf(arg), result_listener);
}

// Matches a certificate whose principal is `name`.
MATCHER_P(NamesPrincipal, name, "") {
  return ::testing::ExplainMatchResult(IsOkAndHolds(std::string(name)), PrincipalOf(arg),
                                       result_listener);
}

TEST(CertificatePrincipalTest, PrefersSpiffeUriThenDnsNameThenCommonName) {
  CertificateNames names{{"https://corp.example/", "spiffe://corp.example/ns/a/sa/payments"},
                         {"Payments.Corp.example"},
                         "payments"};
  EXPECT_THAT(names, NamesPrincipal("spiffe://corp.example/ns/a/sa/payments"));
  names.uris.pop_back();
  EXPECT_THAT(names, NamesPrincipal("dns:payments.corp.example"));
  names.dns_names.clear();
  EXPECT_THAT(names, NamesPrincipal("cn:payments"));
  names.common_name.clear();
  EXPECT_THAT(names, IsRejected());
}

TEST(CertificatePrincipalTest, CommonNameKeepsItsPrefix) {
  for (const char* name : {"unix:payments", "spiffe://corp/payments", "dns:payments"}) {
    EXPECT_THAT(CertificateNames({{}, {}, name}), NamesPrincipal(std::string("cn:") + name));
  }
}

TEST(CertificatePrincipalTest, RejectsSeveralNamesOfOneKind) {
  EXPECT_THAT(CertificateNames({{"spiffe://a/b", "spiffe://a/c"}, {"a"}, "a"}), IsRejected());
  EXPECT_THAT(CertificateNames({{}, {"a", "b"}, "a"}), IsRejected());
}

TEST(CertificatePrincipalTest, MalformedNameHasNoFallback) {
  const std::string zero("a\0b", 3);
  for (const std::string& uri :
       {std::string("spiffe:a/b"), std::string("SPIFFE://a/b"), std::string("spiffe://"),
        std::string("spiffe:///b"), std::string("spiffe://A/b"), std::string("spiffe://a/"),
        std::string("spiffe://a//b"), std::string("spiffe://a/../b"), std::string("spiffe://a/*"),
        std::string("spiffe://a:1/b"), std::string("spiffe://u@a/b"), std::string("spiffe://a/b?c"),
        std::string("spiffe://a/b#c"), "spiffe://a/" + zero, "spiffe://a/" + std::string(2048, 'b'),
        "spiffe://" + std::string(256, 'a') + "/b"}) {
    EXPECT_THAT(CertificateNames({{uri}, {"good"}, "good"}), IsRejected()) << uri;
  }
  for (const std::string& name : {std::string(), std::string("*.a"), std::string("a."), zero,
                                  std::string("a..b"), std::string("a b"), std::string(254, 'a')}) {
    EXPECT_THAT(CertificateNames({{}, {name}, "good"}), IsRejected()) << name;
  }
  for (const std::string& name : {zero, std::string("a*"), std::string("*"), std::string("a\nb"),
                                  std::string("m\xc3\xbcller"), std::string(65, 'a')}) {
    EXPECT_THAT(CertificateNames({{}, {}, name}), IsRejected()) << name;
  }
}

TEST(CertificatePrincipalTest, AcceptsTrustDomainAndLongestNames) {
  EXPECT_THAT(CertificateNames({{"spiffe://corp.example"}, {}, ""}),
              NamesPrincipal("spiffe://corp.example"));
  EXPECT_THAT(CertificateNames({{}, {std::string(253, 'a')}, ""}),
              NamesPrincipal("dns:" + std::string(253, 'a')));
  EXPECT_THAT(CertificateNames({{}, {}, std::string(64, 'a')}),
              NamesPrincipal("cn:" + std::string(64, 'a')));
}

}  // namespace
}  // namespace billbroker
