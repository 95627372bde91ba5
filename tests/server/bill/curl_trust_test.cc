// Tests of the servers and proxies that CurlBillApi trusts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <ostream>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/server/bill/bill_matchers.h"
#include "tests/server/bill/curl_fixture.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class CurlTrustTest : public CurlTest {
 protected:
  // Signs in and expects that nothing was sent, because of `detail`.
  void ExpectNotSent(absl::string_view detail) {
    EXPECT_THAT(SignIn(), AllOf(HasVerdict(Verdict::kUnavailable), HasDelivery(Delivery::kNotSent),
                                HasDetail(absl::StrCat(detail))));
    if (server_ != nullptr) {
      EXPECT_TRUE(server_->requests().empty());
    }
  }
};

// A server certificate that must be rejected.
struct BadCertificate {
  const char* name;
  CertificateShape shape;
  const char* detail;
};

void PrintTo(const BadCertificate& bad, std::ostream* out) { *out << bad.name; }

class BadCertificateTest : public CurlTrustTest,
                           public ::testing::WithParamInterface<BadCertificate> {};

TEST_P(BadCertificateTest, IsRejected) {
  Serve([](TlsServer::Connection&, const ServedRequest&) { return false; }, GetParam().shape);
  ExpectNotSent(GetParam().detail);
}

INSTANTIATE_TEST_SUITE_P(
    Certificates, BadCertificateTest,
    ::testing::Values(
        BadCertificate{
            "Expired",
            {"IP:127.0.0.1", absl::Hours(-2), absl::Hours(-1)},
            "the certificate of environment \"test\" has expired; check the clock and base_url"},
        BadCertificate{"NotYetValid",
                       {"IP:127.0.0.1", absl::Hours(1), absl::Hours(2)},
                       "the certificate of environment \"test\" is not valid yet; check the clock"},
        BadCertificate{
            "AnotherHost",
            {"DNS:bill.example", absl::Hours(-1), absl::Hours(1)},
            "the certificate of environment \"test\" is for another host; check base_url"}),
    [](const auto& bad) { return std::string(bad.param.name); });

constexpr char kUntrusted[] =
    "the certificate of environment \"test\" is not trusted; set its ca_file";
constexpr char kUnusableUrl[] =
    "the base_url of environment \"test\" is not usable; it must be https:// and a host, without a "
    "user name";

TEST_F(CurlTrustTest, RejectsCertificateOfAnotherAuthority) {
  ServeAlways(200, kSignedIn);
  const CertificateAuthority other;
  environment_.ca_file = other.file();
  ExpectNotSent(kUntrusted);
}

TEST_F(CurlTrustTest, UsesSystemAuthoritiesWithoutCaFile) {
  ServeAlways(200, kSignedIn);
  environment_.ca_file = "";
  ExpectNotSent(kUntrusted);
}

TEST_F(CurlTrustTest, ReportsAMissingCaFile) {
  ServeAlways(200, kSignedIn);
  environment_.ca_file = authority_.file() + ".gone";
  ExpectNotSent("cannot read the ca_file of environment \"test\"; it must be a PEM file");
}

TEST_F(CurlTrustTest, RejectsTlsOlderThanTwelve) {
  Serve([](TlsServer::Connection&, const ServedRequest&) { return false; }, {}, TLS1_1_VERSION);
  ExpectNotSent("the TLS handshake with environment \"test\" failed; TLS 1.2 or newer is needed");
}

TEST_F(CurlTrustTest, RejectsPlainHttp) {
  const LoopbackPort plain;
  environment_.base_url = "http://127.0.0.1:" + std::to_string(plain.port());
  ExpectNotSent(kUnusableUrl);
  EXPECT_FALSE(plain.HasCaller());
}

TEST_F(CurlTrustTest, RejectsUserNameInTheUrl) {
  const LoopbackPort plain;
  environment_.base_url = "https://me:secret@127.0.0.1:" + std::to_string(plain.port());
  ExpectNotSent(kUnusableUrl);
  EXPECT_FALSE(plain.HasCaller());
}

TEST_F(CurlTrustTest, DoesNotFollowRedirects) {
  const LoopbackPort elsewhere;
  ServeAlways(302, "", "Location: https://127.0.0.1:" + std::to_string(elsewhere.port()) + "/\r\n");
  EXPECT_THAT(GetInfo(), AllOf(HasVerdict(Verdict::kUnavailable), HasHttpStatus(302)));
  EXPECT_FALSE(elsewhere.HasCaller());
}

TEST_F(CurlTrustTest, IgnoresProxyVariables) {
  const LoopbackPort proxy;
  const std::string url = "http://127.0.0.1:" + std::to_string(proxy.port());
  for (const char* name : {"https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"}) {
    setenv(name, url.c_str(), 1);
  }
  ServeAlways(200, kSignedIn);
  EXPECT_THAT(SignIn(), Succeeded());
  EXPECT_FALSE(proxy.HasCaller());
}

TEST_F(CurlTrustTest, ConfiguredProxySeesNoKey) {
  const LoopbackPort proxy;
  setenv("no_proxy", "*", 1);
  environment_.base_url = "https://bill.example";
  environment_.proxy = "http://127.0.0.1:" + std::to_string(proxy.port());
  std::string seen;
  std::thread refusing([&] {
    const int fd = accept(proxy.fd(), nullptr, nullptr);
    if (fd < 0) return;
    char bytes[4096];
    while (seen.find("\r\n\r\n") == std::string::npos) {
      const ssize_t got = recv(fd, bytes, sizeof bytes, 0);
      if (got <= 0) break;
      seen.append(bytes, got);
    }
    constexpr absl::string_view kNo = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    send(fd, kNo.data(), kNo.size(), MSG_NOSIGNAL);
    close(fd);
  });
  const auto info = GetInfo();
  shutdown(proxy.fd(), SHUT_RDWR);  // ends the thread if nobody connected
  refusing.join();
  EXPECT_THAT(info, AllOf(HasVerdict(Verdict::kUnavailable), HasDelivery(Delivery::kNotSent)));
  EXPECT_THAT(seen, StartsWith("CONNECT bill.example:443 "));
  EXPECT_THAT(seen, Not(HasSubstr(kSessionId)));
  EXPECT_THAT(seen, Not(HasSubstr(kDevKey)));
}

TEST_F(CurlTrustTest, WritesNoKeyLog) {
  const std::string log = authority_.file() + ".keys";
  setenv("SSLKEYLOGFILE", log.c_str(), 1);
  ServeAlways(200, kSignedIn);
  EXPECT_THAT(SignIn(), Succeeded());
  EXPECT_FALSE(std::filesystem::exists(log));
}

}  // namespace
}  // namespace billbroker
