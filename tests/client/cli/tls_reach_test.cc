#include "client/cli/tls_reach.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/client/support/piped_process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;

// A TLS server with a self-signed certificate on its own loopback port.
class TlsReachTest : public ::testing::Test {
 protected:
  static Outcome MakeCertificate(const std::string& key, const std::string& certificate) {
    return RunProcess({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                       "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=localhost",
                       "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out",
                       certificate});
  }

  std::string Url() {
    const std::string line = server_.ReadLineWith("ACCEPT");
    return "https://127.0.0.1" + line.substr(line.rfind(':')) + "/connect";
  }

  TempFolder folder_;
  std::string certificate_ = folder_ / "certificate.pem";
  Outcome made_ = MakeCertificate(folder_ / "key.pem", certificate_);
  PipedProcess server_{{"openssl", "s_server", "-accept", "127.0.0.1:0", "-key",
                        folder_ / "key.pem", "-cert", certificate_}};
};

TEST_F(TlsReachTest, ReachesHostWithTrustedCertificate) {
  EXPECT_THAT(ShakeHands({"sandbox", Url(), certificate_, ""}), IsOk());
}

TEST_F(TlsReachTest, RejectsUnknownAuthority) {
  const absl::Status reached = ShakeHands({"sandbox", Url(), "", ""});
  EXPECT_THAT(reached, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(std::string(reached.message()), HasSubstr("certificate"));
}

TEST_F(TlsReachTest, TriesOnlyHttps) {
  for (const char* url : {"http://127.0.0.1/connect", "not a url"}) {
    EXPECT_THAT(ShakeHands({"sandbox", url, "", ""}), StatusIs(absl::StatusCode::kUnavailable));
  }
}

TEST_F(TlsReachTest, ReportsUnreachableProxy) {
  // Port 0 is never listened on.
  EXPECT_THAT(ShakeHands({"sandbox", Url(), certificate_, "http://127.0.0.1:0"}),
              StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace billbroker
