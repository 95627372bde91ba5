// Sessions that BILL ended, in any shape, are not returned to callers, and live ones are.
#include <gmock/gmock.h>

#include <vector>

#include "tests/server/session/session_manager_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;

// An answer of HTTP 401 without a code of BILL.
BillError Uncoded401() {
  BillError error;
  error.verdict = Verdict::kUnavailable;
  error.http_status = 401;
  error.body = BodyKind::kHtml;
  error.detail = "HTTP 401 with an HTML body";
  return error;
}

class SessionManagerCheckTest : public SessionManagerTest {
 protected:
  SessionManagerCheckTest() { Store(MakeCredential(kMany, 100)); }

  Answer GetOf(int n, const SessionDemand& demand = {}) {
    return Get(demand, OrganizationId(n, kMany));
  }
};

TEST_F(SessionManagerCheckTest, Uncoded401EndsSession) {
  const SessionPtr first = *Get();
  bill.FailNextSessionInfos(1, Uncoded401());
  const SessionPtr second = *Get(Stale(first->generation));
  EXPECT_NE(second->first_generation, first->first_generation);
  EXPECT_EQ(bill.CountSignIns(), 2);
  EXPECT_THAT(observer.failed_checks(), ElementsAre("HTTP 401 with an HTML body"));
}

TEST_F(SessionManagerCheckTest, Gateway401KeepsSession) {
  const SessionPtr session = *Get();
  bill.FailNextSessionInfos(1, Uncoded401());
  bill.SetHealth(AnswerShape{401, "", BodyKind::kHtml});
  EXPECT_THAT(Get(Stale(session->generation)), HasReason(Reason::kBillUnavailable));
  EXPECT_EQ(*Get(), session);
  EXPECT_EQ(bill.CountSignIns(), 1);
}

TEST_F(SessionManagerCheckTest, UnknownCodeWith401EndsSession) {
  const SessionPtr session = *Get();
  BillError unknown = Refusal(Verdict::kRefused, "BDC_9999");
  unknown.http_status = 401;
  bill.FailNextSessionInfos(1, unknown);
  ASSERT_THAT(Get(Stale(session->generation)), IsOk());
  EXPECT_EQ(bill.CountSignIns(), 2);
}

class UnavailableCodeTest : public SessionManagerCheckTest,
                            public ::testing::WithParamInterface<const char*> {};

TEST_P(UnavailableCodeTest, With401KeepsSession) {
  const SessionPtr session = *Get();
  BillError error = Refusal(Verdict::kUnavailable, GetParam());
  error.http_status = 401;
  bill.FailNextSessionInfos(1, error);
  EXPECT_THAT(Get(Stale(session->generation)), HasReason(Reason::kBillUnavailable));
  EXPECT_EQ(*Get(), session);
  EXPECT_EQ(bill.CountSignIns(), 1);
  EXPECT_TRUE(bill.health_checks().empty());
}

INSTANTIATE_TEST_SUITE_P(Codes, UnavailableCodeTest,
                         ::testing::Values("BDC_1001", "BDC_1002", "BDC_1570"));

TEST_F(SessionManagerCheckTest, BareThrottlingIsNotTheHourlyLimit) {
  const SessionPtr session = *Get();
  BillError throttled = Refusal(Verdict::kThrottled, "");
  throttled.http_status = 429;
  bill.FailNextSessionInfos(1, throttled);
  const absl::Status status = Get(Stale(session->generation)).status();
  EXPECT_THAT(status, HasReason(Reason::kBillUnavailable));
  EXPECT_FALSE(DetailsOf(status)->metadata.contains("bill_code"));
  EXPECT_LE(*DetailsOf(status)->retry_after, absl::Seconds(2));
  EXPECT_THAT(GetOf(0), IsOk()) << "the devKey is not suspended";
}

TEST_F(SessionManagerCheckTest, ChecksOthersAfterThreeEndedSessions) {
  std::vector<SessionPtr> sessions;
  for (int n = 0; n < 20; ++n) sessions.push_back(*GetOf(n));
  executor.Advance(absl::Minutes(2));
  bill.KillAllSessions();
  for (int n = 0; n < 3; ++n) ASSERT_THAT(GetOf(n, Stale(sessions[n]->generation)), IsOk());
  for (int n = 3; n < 20; ++n) {
    const SessionPtr renewed = *GetOf(n);
    EXPECT_NE(renewed->first_generation, sessions[n]->first_generation) << n;
    EXPECT_TRUE(bill.IsLive(renewed->keys.session_id->Reveal())) << n;
  }
  const std::size_t checks = bill.session_infos().size();
  for (int n = 0; n < 20; ++n) ASSERT_THAT(GetOf(n), IsOk());
  EXPECT_EQ(bill.session_infos().size(), checks) << "each is checked once";
}

TEST_F(SessionManagerCheckTest, ChecksSuspectedSessionOnce) {
  std::vector<SessionPtr> sessions;
  for (int n = 0; n < 10; ++n) sessions.push_back(*GetOf(n));
  executor.Advance(absl::Minutes(2));
  for (int n = 0; n < 6; ++n) bill.KillSession(sessions[n]->keys.session_id->Reveal());
  for (int n = 0; n < 3; ++n) ASSERT_THAT(GetOf(n, Stale(sessions[n]->generation)), IsOk());
  ASSERT_THAT(GetOf(9), IsOk());
  for (int n = 3; n < 6; ++n) {
    executor.Advance(absl::Seconds(1));
    ASSERT_THAT(GetOf(n, Stale(sessions[n]->generation)), IsOk());
    const std::size_t before = bill.session_infos().size();
    ASSERT_THAT(GetOf(9), IsOk());
    EXPECT_EQ(bill.session_infos().size(), before) << n;
  }
}

TEST_F(SessionManagerCheckTest, ServesSuspectedSessionIfBillDoesNotAnswer) {
  std::vector<SessionPtr> sessions;
  for (int n = 0; n < 5; ++n) sessions.push_back(*GetOf(n));
  executor.Advance(absl::Minutes(2));
  for (int n = 0; n < 3; ++n) {
    bill.KillSession(sessions[n]->keys.session_id->Reveal());
    ASSERT_THAT(GetOf(n, Stale(sessions[n]->generation)), IsOk());
  }
  bill.FailNextSessionInfos(1, Refusal(Verdict::kUnavailable, ""));
  EXPECT_EQ(*GetOf(4), sessions[4]);
  EXPECT_EQ(*GetOf(4), sessions[4]) << "not checked again";
}

TEST_F(SessionManagerCheckTest, ExpireTimeFollowsClockStep) {
  const SessionPtr before = *Get();
  clock.JumpWall(-absl::Hours(2));
  const SessionPtr after = *Get();
  EXPECT_EQ(after->generation, before->generation);
  EXPECT_EQ(after->expire_time, before->expire_time - absl::Hours(2));
  EXPECT_EQ(bill.CountSignIns(), 1);
}

}  // namespace
}  // namespace billbroker
