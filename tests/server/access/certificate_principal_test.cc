#include "server/access/certificate_principal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace billbroker {
namespace {

using ::testing::HasSubstr;

// The principal, or what is wrong with the certificate.
std::string Of(const CertificateNames& names) {
  const absl::StatusOr<std::string> principal = PrincipalOf(names);
  return principal.ok() ? *principal : std::string(principal.status().message());
}

TEST(CertificatePrincipalTest, TheSpiffeUriComesBeforeTheDnsNameAndThatBeforeTheCommonName) {
  CertificateNames names{{"https://corp.example/", "spiffe://corp.example/ns/a/sa/payments"},
                         {"Payments.Corp.example"},
                         "payments"};
  EXPECT_EQ(Of(names), "spiffe://corp.example/ns/a/sa/payments");
  names.uris.pop_back();
  EXPECT_EQ(Of(names), "dns:payments.corp.example");
  names.dns_names.clear();
  EXPECT_EQ(Of(names), "cn:payments");
  names.common_name.clear();
  EXPECT_THAT(Of(names), HasSubstr("names nobody"));
}

TEST(CertificatePrincipalTest, ACommonNameIsNeverAPrincipalOfAnotherKind) {
  for (const char* name : {"unix:payments", "spiffe://corp/payments", "dns:payments"}) {
    EXPECT_EQ(Of({{}, {}, name}), std::string("cn:") + name);
  }
}

TEST(CertificatePrincipalTest, SeveralOfTheKindThatCountsAreRefused) {
  EXPECT_THAT(Of({{"spiffe://a/b", "spiffe://a/c"}, {"a"}, "a"}), HasSubstr("several SPIFFE URIs"));
  EXPECT_THAT(Of({{}, {"a", "b"}, "a"}), HasSubstr("several DNS names"));
}

TEST(CertificatePrincipalTest, WhatIsOutOfShapeIsRefusedAndNothingElseIsTakenInItsPlace) {
  const std::string zero("a\0b", 3);
  for (const std::string& uri :
       {std::string("spiffe:a/b"), std::string("SPIFFE://a/b"), std::string("spiffe://"),
        std::string("spiffe:///b"), std::string("spiffe://A/b"), std::string("spiffe://a/"),
        std::string("spiffe://a//b"), std::string("spiffe://a/../b"), std::string("spiffe://a/*"),
        std::string("spiffe://a:1/b"), std::string("spiffe://u@a/b"), std::string("spiffe://a/b?c"),
        std::string("spiffe://a/b#c"), "spiffe://a/" + zero, "spiffe://a/" + std::string(2048, 'b'),
        "spiffe://" + std::string(256, 'a') + "/b"}) {
    EXPECT_THAT(Of({{uri}, {"good"}, "good"}), HasSubstr("no SPIFFE ID")) << uri;
  }
  for (const std::string& name : {std::string(), std::string("*.a"), std::string("a."), zero,
                                  std::string("a..b"), std::string("a b"), std::string(254, 'a')}) {
    EXPECT_THAT(Of({{}, {name}, "good"}), HasSubstr("DNS name")) << name;
  }
  for (const std::string& name : {zero, std::string("a*"), std::string("*"), std::string("a\nb"),
                                  std::string("m\xc3\xbcller"), std::string(65, 'a')}) {
    EXPECT_THAT(Of({{}, {}, name}), HasSubstr("common name that is not")) << name;
  }
}

TEST(CertificatePrincipalTest, ATrustDomainAloneAndTheLongestNamesAreGood) {
  EXPECT_EQ(Of({{"spiffe://corp.example"}, {}, ""}), "spiffe://corp.example");
  EXPECT_EQ(Of({{}, {std::string(253, 'a')}, ""}), "dns:" + std::string(253, 'a'));
  EXPECT_EQ(Of({{}, {}, std::string(64, 'a')}), "cn:" + std::string(64, 'a'));
}

}  // namespace
}  // namespace billbroker
