// MFA trust on real parts: the keyring, the simulated BILL, the built binaries.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/e2e/house.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kCode[] = "123456";  // of the simulator's sample

class MfaE2eTest : public ::testing::Test {
 protected:
  MfaE2eTest() {
    house.StartBroker();
    EXPECT_EQ(house.CreateAcme(), absl::OkStatus());
    EXPECT_EQ(house.bill().model().ChangeUser(kAcmeUser,
                                              {{"mfa", {{"enrolled", true}, {"token", kCode}}}}),
              absl::OkStatus());
  }

  House::Output Renew(const std::string& code = kCode) {
    return house.Cli({"mfa", "renew", "acme", "--code-from-stdin"}, code);
  }
  absl::StatusOr<ClientSession> GetTrusted(const std::string& organization_id) {
    GetSessionOptions options;
    options.require_trusted = true;
    return house.sessions().GetSession(organization_id, options);
  }

  House house;
};

TEST_F(MfaE2eTest, ACodeMakesEverySessionTrustedAndLastsForThirtyDays) {
  const auto untrusted = house.sessions().GetSession(kPayables);
  ASSERT_TRUE(untrusted.ok()) << untrusted.status();
  ASSERT_TRUE(house.sessions().GetSession(kReceivables).ok());
  const absl::Status required = GetTrusted(kPayables).status();
  EXPECT_TRUE(HasReason(required, Reason::kMfaRequired)) << required;

  const House::Output wrong = Renew("000000");
  EXPECT_EQ(wrong.exit_code, 5) << wrong.text;
  EXPECT_THAT(wrong.text, HasSubstr("BDC_1356"));
  const House::Output renewed = Renew();
  EXPECT_EQ(renewed.exit_code, 0) << renewed.text;
  EXPECT_THAT(renewed.text, HasSubstr("MFA-trusted now: 2"));
  const auto trusted = GetTrusted(kPayables);
  ASSERT_TRUE(trusted.ok()) << trusted.status();
  EXPECT_EQ(trusted->generation, untrusted->generation);
  EXPECT_TRUE(GetTrusted(kReceivables).ok());
  EXPECT_EQ(house.SignIns(), 2);
  EXPECT_THAT(house.Cli({"credential", "list"}).text, HasSubstr("until 20"));

  // It outlives the broker, and later sign-ins carry it.
  EXPECT_EQ(house.StopBroker(), 0);
  house.StartBroker();
  EXPECT_TRUE(Eventually([&] { return GetTrusted(kPayables).ok(); }));
  LoginOptions anew;
  anew.force = true;
  const auto again = house.admin().Login(kReceivables, anew);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->session.trusted);

  // Thirty days later BILL takes it no more: the sign-in goes well, and is not trusted.
  house.bill().clock().Advance(absl::Hours(30 * 24));
  const auto stale = house.admin().Login(kReceivables, anew);
  ASSERT_TRUE(stale.ok()) << stale.status();
  EXPECT_FALSE(stale->session.trusted);
  const absl::Status expired = GetTrusted(kReceivables).status();
  EXPECT_TRUE(HasReason(expired, Reason::kMfaRequired)) << expired;
  EXPECT_THAT(std::string(expired.message()), HasSubstr("billbroker mfa renew acme"));
  EXPECT_THAT(house.Cli({"credential", "list"}).text, HasSubstr("not taken by BILL since"));
  EXPECT_TRUE(
      Eventually([&] { return house.Log().find("mfa_trust_refused") != std::string::npos; }));
  // Not over the session of the payables, which the broker saw alive a moment ago by its own clock.
  const House::Output renewed_again = house.Cli(
      {"mfa", "renew", "acme", "--code-from-stdin", "--organization", kReceivables}, kCode);
  EXPECT_EQ(renewed_again.exit_code, 0) << renewed_again.text;
  EXPECT_TRUE(GetTrusted(kReceivables).ok());
  EXPECT_THAT(house.Cli({"credential", "list"}).text, Not(HasSubstr("not taken")));
  EXPECT_THAT(house.Log(), Not(HasSubstr(kCode)));
}

TEST_F(MfaE2eTest, WhatBillRefusesIsExplainedToThePerson) {
  EXPECT_EQ(house.bill().model().ChangeUser(kAcmeUser, {{"mfa", {{"enrolled", false}}}}),
            absl::OkStatus());
  const House::Output refused = Renew();
  EXPECT_EQ(refused.exit_code, 5) << refused.text;
  EXPECT_THAT(refused.text, HasSubstr("BDC_1354"));
  EXPECT_THAT(refused.text, HasSubstr("no phone for MFA"));
}

}  // namespace
}  // namespace billbroker
