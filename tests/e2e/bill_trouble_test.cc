// BILL slow, gone, refusing or hostile: what callers hear, and that it passes.
#include <gtest/gtest.h>

#include <string>

#include "tests/e2e/house.h"

namespace billbroker {
namespace {

TEST(BillTroubleTest, AWrongPasswordIsTriedOnceAndThenQuarantined) {
  House house;
  house.StartBroker();
  ASSERT_EQ(house.CreateAcme("wrong"), absl::OkStatus());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(house.WhyNoSession(kPayables), Reason::kCredentialRejected);
    EXPECT_EQ(house.WhyNoSession(kReceivables), Reason::kCredentialRejected);
  }
  EXPECT_EQ(house.SignIns(), 1);
}

TEST(BillTroubleTest, ARevokedDevKeyIsTriedOnce) {
  House house;
  house.StartBroker();
  ASSERT_EQ(house.CreateAcme(), absl::OkStatus());
  house.FailNext(
      {{"kind", "bill_error"}, {"code", "BDC_1103"}, {"http_status", 403}, {"path", "/v3/login"}});
  EXPECT_EQ(house.WhyNoSession(kPayables), Reason::kDevKeyRejected);
  EXPECT_EQ(house.WhyNoSession(kReceivables), Reason::kDevKeyRejected);
  EXPECT_EQ(house.SignIns(), 0) << "the refusal came before BILL looked at the user";
}

// Each is refused with BILL_UNAVAILABLE and a time to wait, and is over when BILL is well again.
class TransientTroubleTest : public ::testing::TestWithParam<const char*> {};

TEST_P(TransientTroubleTest, IsSaidWithATimeToWaitAndPasses) {
  House::Options options;
  options.bill_timeout = absl::Seconds(1);
  House house(options);
  house.StartBroker();
  ASSERT_EQ(house.CreateAcme(), absl::OkStatus());
  house.FailNext({{"kind", GetParam()}, {"path", "/v3/login"}});
  const absl::Status status = house.sessions().GetSession(kPayables).status();
  ASSERT_TRUE(HasReason(status, Reason::kBillUnavailable)) << status;
  EXPECT_TRUE(DetailsOf(status)->retry_after.has_value());
  EXPECT_TRUE(Eventually([&] { return house.sessions().GetSession(kPayables).ok(); }));
}

INSTANTIATE_TEST_SUITE_P(Kinds, TransientTroubleTest,
                         ::testing::Values("http_503", "html_502", "reset", "timeout", "empty_200",
                                           "redirect_302", "huge_body", "garbage_json", "deep_json",
                                           "slow_body", "done_answer_lost"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST(BillTroubleTest, ARedirectIsNotFollowed) {
  House house;
  house.StartBroker();
  ASSERT_EQ(house.CreateAcme(), absl::OkStatus());
  house.FailNext({{"kind", "redirect_302"}, {"path", "/v3/login"}});
  EXPECT_EQ(house.WhyNoSession(kPayables), Reason::kBillUnavailable);
  EXPECT_EQ(house.bill().model().CountsJson()["paths"].count("/v3/redirected"), 0u);
}

TEST(BillTroubleTest, TheHourlyLimitIsSaidWithBillsTimeToWait) {
  House house;
  house.StartBroker();
  ASSERT_EQ(house.CreateAcme(), absl::OkStatus());
  house.FailNext({{"kind", "rate_limit_429"}, {"retry_after_seconds", 120}, {"path", "/v3/login"}});
  const absl::Status status = house.sessions().GetSession(kPayables).status();
  ASSERT_TRUE(HasReason(status, Reason::kBillRateLimited)) << status;
  EXPECT_LE(*DetailsOf(status)->retry_after, absl::Seconds(120));
  EXPECT_GT(*DetailsOf(status)->retry_after, absl::Seconds(60));
  EXPECT_EQ(house.WhyNoSession(kReceivables), Reason::kBillRateLimited)
      << "the limit is the devKey's";
}

class CertificateTroubleTest : public ::testing::TestWithParam<billsim::CertificateKind> {};

TEST_P(CertificateTroubleTest, NoSecretIsSentToWhoeverThatIs) {
  House::Options options;
  options.certificate = GetParam();
  House house(options);
  house.StartBroker();
  ASSERT_EQ(house.CreateAcme(), absl::OkStatus());
  EXPECT_EQ(house.WhyNoSession(kPayables), Reason::kBillUnavailable);
  EXPECT_EQ(house.bill().model().CountsJson()["total"]["calls"], 0);
}

INSTANTIATE_TEST_SUITE_P(Kinds, CertificateTroubleTest,
                         ::testing::Values(billsim::CertificateKind::kExpired,
                                           billsim::CertificateKind::kWrongHost,
                                           billsim::CertificateKind::kOtherCa));

TEST(BillTroubleTest, WhileBillIsGoneLiveSessionsAreServed) {
  House house;
  house.StartBroker();
  ASSERT_EQ(house.CreateAcme(), absl::OkStatus());
  const absl::StatusOr<ClientSession> session = house.sessions().GetSession(kPayables);
  ASSERT_TRUE(session.ok());
  house.FailNext({{"kind", "reset"}, {"count", 0}});
  EXPECT_EQ(house.sessions().GetSession(kPayables)->generation, session->generation);
  EXPECT_EQ(house.WhyNoSession(kReceivables), Reason::kBillUnavailable);
}

}  // namespace
}  // namespace billbroker
