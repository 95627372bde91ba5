#include "client/cli/tls_reach.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/client/support/piped_process.h"
#include "tests/support/temp_folder.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;

// A TLS server on a loopback port of its own, with a certificate that only itself vouches for.
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

TEST_F(TlsReachTest, AHostWithATrustedCertificateIsReached) {
  const absl::Status reached = ShakeHands({"sandbox", Url(), certificate_, ""});
  EXPECT_TRUE(reached.ok()) << reached;
}

TEST_F(TlsReachTest, ACertificateOfAnUnknownAuthorityIsRefused) {
  const absl::Status reached = ShakeHands({"sandbox", Url(), "", ""});
  EXPECT_TRUE(absl::IsUnavailable(reached));
  EXPECT_THAT(std::string(reached.message()), HasSubstr("certificate"));
}

TEST_F(TlsReachTest, NothingButHttpsIsTried) {
  EXPECT_TRUE(absl::IsUnavailable(ShakeHands({"sandbox", "http://127.0.0.1/connect", "", ""})));
  EXPECT_TRUE(absl::IsUnavailable(ShakeHands({"sandbox", "not a url", "", ""})));
}

TEST_F(TlsReachTest, AProxyThatIsNotThereIsSaid) {
  // Port 0 is never listened on.
  const absl::Status reached = ShakeHands({"sandbox", Url(), certificate_, "http://127.0.0.1:0"});
  EXPECT_TRUE(absl::IsUnavailable(reached)) << reached;
}

}  // namespace
}  // namespace billbroker
