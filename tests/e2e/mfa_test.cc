// MFA trust with the built binaries, a real keyring and the simulated BILL.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/e2e/test_environment.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kCode[] = "123456";

class MfaE2eTest : public ::testing::Test {
 protected:
  MfaE2eTest() {
    env_.StartBroker();
    EXPECT_THAT(env_.CreateAcme(), IsOk());
    EXPECT_THAT(env_.bill().model().ChangeUser(kAcmeUser,
                                               {{"mfa", {{"enrolled", true}, {"token", kCode}}}}),
                IsOk());
  }

  // Without an organization, billbroker chooses the session for the challenge.
  TestEnvironment::Output Renew(const std::string& code = kCode,
                                const std::string& organization = "") {
    std::vector<std::string> command = {"--output", "json", "mfa",
                                        "renew",    kAcme,  "--code-from-stdin"};
    if (!organization.empty()) command.insert(command.end(), {"--organization", organization});
    return env_.Cli(command, code);
  }
  // Renews the trust, and expects `trusted` live sessions to become trusted.
  void RenewTrust(int trusted, const std::string& organization = "") {
    const TestEnvironment::Output renewed = Renew(kCode, organization);
    EXPECT_EQ(renewed.exit_code, 0) << renewed.text;
    EXPECT_EQ(renewed.Json()["sessions"]["trusted_count"], trusted) << renewed.text;
  }
  void ExpectBillError(const TestEnvironment::Output& output, const std::string& bill_code) {
    EXPECT_EQ(output.exit_code, 5) << output.text;
    EXPECT_EQ(output.Json()["error"]["metadata"]["bill_code"], bill_code) << output.text;
  }
  absl::StatusOr<ClientSession> GetTrusted(const std::string& organization_id) {
    GetSessionOptions options;
    options.require_trusted = true;
    return env_.sessions().GetSession(organization_id, options);
  }
  // Signs in again and returns whether the new session is trusted.
  bool SignInIsTrusted(const std::string& organization_id) {
    LoginOptions forced;
    forced.force = true;
    const auto login = env_.admin().Login(organization_id, forced);
    EXPECT_THAT(login, IsOk());
    return login.ok() && login->session.trusted;
  }

  TestEnvironment env_;
};

TEST_F(MfaE2eTest, WithoutTrustMfaIsRequired) {
  EXPECT_THAT(env_.sessions().GetSession(kPayables), IsOk());
  EXPECT_THAT(GetTrusted(kPayables), HasReason(Reason::kMfaRequired));
}

TEST_F(MfaE2eTest, WrongCodeIsRefused) {
  ExpectBillError(Renew("000000"), "BDC_1356");
  EXPECT_THAT(GetTrusted(kPayables), HasReason(Reason::kMfaRequired));
}

TEST_F(MfaE2eTest, CodeMakesEveryLiveSessionTrusted) {
  const auto untrusted = env_.sessions().GetSession(kPayables);
  ASSERT_THAT(untrusted, IsOk());
  ASSERT_THAT(env_.sessions().GetSession(kReceivables), IsOk());
  RenewTrust(2);
  const auto trusted = GetTrusted(kPayables);
  ASSERT_THAT(trusted, IsOk());
  EXPECT_EQ(trusted->generation, untrusted->generation);
  EXPECT_THAT(GetTrusted(kReceivables), IsOk());
  EXPECT_EQ(env_.SignIns(), 2);
  EXPECT_THAT(env_.Cli({"credential", "list"}).text, HasSubstr("until 20"));
  EXPECT_THAT(env_.Log(), Not(HasSubstr(kCode)));
}

TEST_F(MfaE2eTest, TrustSurvivesARestart) {
  RenewTrust(1);
  EXPECT_EQ(env_.StopBroker(), 0);
  env_.StartBroker();
  Await([&] { return GetTrusted(kPayables).ok(); }, "a trusted session after a restart");
  EXPECT_TRUE(SignInIsTrusted(kReceivables));
}

TEST_F(MfaE2eTest, TrustThatBillNoLongerAcceptsCanBeRenewed) {
  RenewTrust(1);
  ASSERT_TRUE(SignInIsTrusted(kReceivables));
  // After thirty days the sign-in still succeeds, without trust.
  env_.bill().clock().Advance(absl::Hours(30 * 24));
  EXPECT_FALSE(SignInIsTrusted(kReceivables));
  EXPECT_THAT(GetTrusted(kReceivables), HasReason(Reason::kMfaRequired));
  const auto refused = [&] {
    return env_.Cli({"--output", "json", "status"}).Json()["mfa"]["refused_count"].get<int>();
  };
  EXPECT_EQ(refused(), 1);
  Await([&] { return env_.CountEvents("mfa_trust_refused") > 0; }, "the refusal to be logged");
  // The session of the payables ended at BILL as well, but the broker has verified it recently. So
  // the challenge uses the other organization.
  RenewTrust(2, kReceivables);
  EXPECT_THAT(GetTrusted(kReceivables), IsOk());
  EXPECT_EQ(refused(), 0);
}

TEST_F(MfaE2eTest, UserWithoutPhoneIsRefused) {
  EXPECT_THAT(env_.bill().model().ChangeUser(kAcmeUser, {{"mfa", {{"enrolled", false}}}}), IsOk());
  ExpectBillError(Renew(), "BDC_1354");
}

TEST_F(MfaE2eTest, GoldenRefusalIsExplained) {
  EXPECT_THAT(env_.bill().model().ChangeUser(kAcmeUser, {{"mfa", {{"enrolled", false}}}}), IsOk());
  EXPECT_THAT(Renew().text, HasSubstr("no phone for MFA"));
}

TEST_F(MfaE2eTest, GoldenMfaRequiredNamesTheCommand) {
  ASSERT_THAT(env_.sessions().GetSession(kPayables), IsOk());
  EXPECT_THAT(std::string(GetTrusted(kPayables).status().message()),
              HasSubstr(absl::StrCat("billbroker mfa renew ", kAcme)));
}

}  // namespace
}  // namespace billbroker
