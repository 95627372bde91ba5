// BILL slow, unavailable, refusing or hostile: the errors that callers receive, and the recovery.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/e2e/test_environment.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::_;
using ::testing::AllOf;
using ::testing::Gt;
using ::testing::Le;

class BillTroubleTest : public ::testing::Test {
 protected:
  BillTroubleTest() { env_.StartBroker(); }

  TestEnvironment env_;
};

TEST_F(BillTroubleTest, WrongPasswordIsTriedOnce) {
  ASSERT_THAT(env_.CreateAcme("wrong"), IsOk());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(env_.WhyNoSession(kPayables), Reason::kCredentialRejected);
    EXPECT_EQ(env_.WhyNoSession(kReceivables), Reason::kCredentialRejected);
  }
  EXPECT_EQ(env_.SignIns(), 1);
}

TEST_F(BillTroubleTest, RevokedDevKeyIsTriedOnce) {
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  env_.FailNext(
      {{"kind", "bill_error"}, {"code", "BDC_1103"}, {"http_status", 403}, {"path", "/v3/login"}});
  EXPECT_EQ(env_.WhyNoSession(kPayables), Reason::kDevKeyRejected);
  EXPECT_EQ(env_.WhyNoSession(kPayables), Reason::kDevKeyRejected) << "not sent again";
  EXPECT_EQ(env_.WhyNoSession(kReceivables), absl::nullopt) << "only this organization is refused";
}

class TransientFaultTest : public ::testing::TestWithParam<const char*> {};

TEST_P(TransientFaultTest, IsReportedWithRetryDelayAndEnds) {
  TestEnvironment::Options options;
  options.bill_timeout = absl::Seconds(1);
  TestEnvironment env(options);
  env.StartBroker();
  ASSERT_THAT(env.CreateAcme(), IsOk());
  env.FailNext({{"kind", GetParam()}, {"path", "/v3/login"}});
  EXPECT_THAT(env.sessions().GetSession(kPayables),
              AllOf(HasReason(Reason::kBillUnavailable), HasRetryAfter(_)));
  Await([&] { return env.sessions().GetSession(kPayables).ok(); }, "BILL to be available");
}

INSTANTIATE_TEST_SUITE_P(Kinds, TransientFaultTest,
                         ::testing::Values("http_503", "html_502", "reset", "timeout", "empty_200",
                                           "redirect_302", "huge_body", "garbage_json", "deep_json",
                                           "slow_body", "done_answer_lost"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST_F(BillTroubleTest, RedirectIsNotFollowed) {
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  env_.FailNext({{"kind", "redirect_302"}, {"path", "/v3/login"}});
  EXPECT_EQ(env_.WhyNoSession(kPayables), Reason::kBillUnavailable);
  EXPECT_EQ(env_.bill().model().CountsJson()["paths"].count("/v3/redirected"), 0u);
}

TEST_F(BillTroubleTest, HourlyLimitIsReportedWithBillsRetryDelay) {
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  env_.FailNext({{"kind", "rate_limit_429"}, {"retry_after_seconds", 120}, {"path", "/v3/login"}});
  EXPECT_THAT(env_.sessions().GetSession(kPayables),
              HasRetryAfter(AllOf(Gt(absl::Seconds(60)), Le(absl::Seconds(130)))));
  EXPECT_EQ(env_.WhyNoSession(kReceivables), absl::nullopt)
      << "a bare 429 is not the hourly limit of the devKey";
}

class CertificateFaultTest : public ::testing::TestWithParam<billsim::CertificateKind> {};

TEST_P(CertificateFaultTest, NothingIsSent) {
  TestEnvironment::Options options;
  options.certificate = GetParam();
  TestEnvironment env(options);
  env.StartBroker();
  ASSERT_THAT(env.CreateAcme(), IsOk());
  EXPECT_EQ(env.WhyNoSession(kPayables), Reason::kBillUnavailable);
  EXPECT_EQ(env.bill().model().CountsJson()["total"]["calls"], 0);
}

INSTANTIATE_TEST_SUITE_P(Kinds, CertificateFaultTest,
                         ::testing::Values(billsim::CertificateKind::kExpired,
                                           billsim::CertificateKind::kWrongHost,
                                           billsim::CertificateKind::kOtherCa));

TEST_F(BillTroubleTest, ServesLiveSessionsDuringOutage) {
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  const absl::StatusOr<ClientSession> session = env_.sessions().GetSession(kPayables);
  ASSERT_THAT(session, IsOk());
  env_.FailNext({{"kind", "reset"}, {"count", 0}});
  EXPECT_EQ(env_.sessions().GetSession(kPayables)->generation, session->generation);
  EXPECT_EQ(env_.WhyNoSession(kReceivables), Reason::kBillUnavailable);
}

}  // namespace
}  // namespace billbroker
