// Whom CurlBillApi speaks to, and whom it does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include "tests/server/bill/curl_fixture.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class CurlTrustTest : public CurlTest {
 protected:
  // Signs in and expects that nothing was sent, because of `why`.
  void ExpectNothingSent(const std::string& why) {
    const auto answer = SignIn();
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().verdict, Verdict::kUnavailable);
    EXPECT_EQ(answer.error().delivery, Delivery::kNotSent);
    EXPECT_EQ(answer.error().detail, why);
    if (server_ != nullptr) {
      EXPECT_TRUE(server_->requests().empty());
    }
  }
};

TEST_F(CurlTrustTest, ACertificateOfAnotherAuthorityIsRefused) {
  ServeAlways(200, kSignedIn);
  const CertificateAuthority other;
  environment_.ca_file = other.file();
  ExpectNothingSent("the certificate of environment \"test\" is not trusted; set its ca_file");
}

TEST_F(CurlTrustTest, TheSystemsAuthoritiesServeWhereNoFileIsSet) {
  ServeAlways(200, kSignedIn);
  environment_.ca_file = "";
  ExpectNothingSent("the certificate of environment \"test\" is not trusted; set its ca_file");
}

TEST_F(CurlTrustTest, AnExpiredCertificateIsRefused) {
  Serve([](TlsServer::Connection&, const ServedRequest&) { return false; },
        {"IP:127.0.0.1", absl::Hours(-2), absl::Hours(-1)});
  ExpectNothingSent(
      "the certificate of environment \"test\" has expired; check the clock and base_url");
}

TEST_F(CurlTrustTest, ACertificateFromTheFutureIsRefused) {
  Serve([](TlsServer::Connection&, const ServedRequest&) { return false; },
        {"IP:127.0.0.1", absl::Hours(1), absl::Hours(2)});
  ExpectNothingSent("the certificate of environment \"test\" is not valid yet; check the clock");
}

TEST_F(CurlTrustTest, ACertificateForAnotherHostIsRefused) {
  Serve([](TlsServer::Connection&, const ServedRequest&) { return false; },
        {"DNS:bill.example", absl::Hours(-1), absl::Hours(1)});
  ExpectNothingSent("the certificate of environment \"test\" is for another host; check base_url");
}

TEST_F(CurlTrustTest, AMissingAuthorityFileIsSaidSo) {
  ServeAlways(200, kSignedIn);
  environment_.ca_file = authority_.file() + ".gone";
  ExpectNothingSent("cannot read the ca_file of environment \"test\"; it must be a PEM file");
}

TEST_F(CurlTrustTest, TlsOlderThanTwelveIsRefused) {
  Serve([](TlsServer::Connection&, const ServedRequest&) { return false; }, {}, TLS1_1_VERSION);
  ExpectNothingSent(
      "the TLS handshake with environment \"test\" failed; TLS 1.2 or newer is needed");
}

TEST_F(CurlTrustTest, PlainHttpIsRefused) {
  const LoopbackPort plain;
  environment_.base_url = "http://127.0.0.1:" + std::to_string(plain.port());
  ExpectNothingSent(
      "the base_url of environment \"test\" is not usable; it must be https:// and a host, without "
      "a user name");
  EXPECT_FALSE(plain.HasCaller());
}

TEST_F(CurlTrustTest, AUserNameInTheUrlIsRefused) {
  const LoopbackPort plain;
  environment_.base_url = "https://me:secret@127.0.0.1:" + std::to_string(plain.port());
  ExpectNothingSent(
      "the base_url of environment \"test\" is not usable; it must be https:// and a host, without "
      "a user name");
  EXPECT_FALSE(plain.HasCaller());
}

TEST_F(CurlTrustTest, ARedirectIsNotFollowed) {
  const LoopbackPort elsewhere;
  ServeAlways(302, "", "Location: https://127.0.0.1:" + std::to_string(elsewhere.port()) + "/\r\n");
  const BillError error = GetInfo().error();
  EXPECT_EQ(error.verdict, Verdict::kUnavailable);
  EXPECT_EQ(error.http_status, 302);
  EXPECT_THAT(error.detail, HasSubstr("redirect"));
  EXPECT_FALSE(elsewhere.HasCaller());
}

TEST_F(CurlTrustTest, TheProcesssProxyVariablesAreIgnored) {
  const LoopbackPort proxy;
  const std::string url = "http://127.0.0.1:" + std::to_string(proxy.port());
  for (const char* name : {"https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"}) {
    setenv(name, url.c_str(), 1);
  }
  ServeAlways(200, kSignedIn);
  EXPECT_TRUE(SignIn().ok());
  EXPECT_FALSE(proxy.HasCaller());
}

TEST_F(CurlTrustTest, TheConfiguredProxySeesNoKeyAndNoVariableTurnsItOff) {
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
  shutdown(proxy.fd(), SHUT_RDWR);  // where nobody came
  refusing.join();
  ASSERT_FALSE(info.ok());
  EXPECT_EQ(info.error().verdict, Verdict::kUnavailable);
  EXPECT_THAT(seen, StartsWith("CONNECT bill.example:443 "));
  EXPECT_THAT(seen, Not(HasSubstr("S-1")));
  EXPECT_THAT(seen, Not(HasSubstr("the-dev-key")));
}

TEST_F(CurlTrustTest, NoKeyLogIsWritten) {
  const std::string log = authority_.file() + ".keys";
  setenv("SSLKEYLOGFILE", log.c_str(), 1);
  ServeAlways(200, kSignedIn);
  EXPECT_TRUE(SignIn().ok());
  EXPECT_FALSE(std::filesystem::exists(log));
}

}  // namespace
}  // namespace billbroker
