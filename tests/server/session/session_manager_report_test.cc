// Callers' reports of ended sessions: only false ones are limited.
#include <gmock/gmock.h>

#include "tests/server/session/session_manager_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

SessionManagerOptions OneReportAtOnce() {
  SessionManagerOptions options = WithoutSlotCap();
  options.stale_reports_per_hour = 10;
  return options;
}

class SessionManagerReportTest : public SessionManagerTest {
 protected:
  SessionManagerReportTest() { few.Restore({}); }

  Answer Ask(const SessionDemand& demand = {}) {
    Answer answer = absl::UnknownError("not answered");
    few.GetSession(kFirst, "", demand, [&answer](Answer given) { answer = std::move(given); });
    executor.RunUntilIdle();
    return answer;
  }
  // Makes a report whose check BILL holds, and returns its call.
  WaitingCall ReportAndHold(const SessionPtr& session) {
    bill.Hold();
    const auto call = few.GetSession(kFirst, "", Stale(session->generation), [](const Answer&) {});
    executor.RunUntilIdle();
    EXPECT_EQ(bill.held(), 1);
    return *call;
  }
  void Release() {
    bill.ReleaseAll();
    executor.RunUntilIdle();
  }
  // Expects that the one report at once is not used up, and uses it.
  void ExpectOneReportLeft() {
    const SessionPtr session = *Ask();
    executor.Advance(absl::Seconds(2));
    EXPECT_THAT(Ask(Stale(session->generation)), IsOk()) << "the first false one";
    executor.Advance(absl::Seconds(2));
    EXPECT_THAT(Ask(Stale(session->generation)), HasReason(Reason::kCallerLimit));
  }

  SessionManager few{OneReportAtOnce(), MakeParts()};
};

TEST_F(SessionManagerReportTest, TrueReportsAreFree) {
  SessionPtr session = *Ask();
  for (int i = 0; i < 5; ++i) {
    executor.Advance(absl::Minutes(2));
    bill.KillSession(session->keys.session_id->Reveal());
    const Answer renewed = Ask(Stale(session->generation));
    ASSERT_THAT(renewed, IsOk()) << i;
    session = *renewed;
  }
  ExpectOneReportLeft();
}

TEST_F(SessionManagerReportTest, TrueReportOfLeavingCallerIsFree) {
  const SessionPtr session = *Ask();
  executor.Advance(absl::Minutes(2));
  const WaitingCall call = ReportAndHold(session);
  few.Cancel(call);
  bill.KillAllSessions();
  Release();
  ExpectOneReportLeft();
}

TEST_F(SessionManagerReportTest, FalseReportOfLeavingCallerIsCharged) {
  const SessionPtr session = *Ask();
  executor.Advance(absl::Minutes(2));
  const WaitingCall call = ReportAndHold(session);
  few.Cancel(call);
  Release();
  executor.Advance(absl::Seconds(2));
  EXPECT_THAT(Ask(Stale(session->generation)), HasReason(Reason::kCallerLimit));
}

TEST_F(SessionManagerReportTest, ReportThatBillDoesNotAnswerIsFree) {
  const SessionPtr session = *Ask();
  executor.Advance(absl::Minutes(2));
  bill.FailNextSessionInfos(1, Refusal(Verdict::kUnavailable, ""));
  ASSERT_THAT(Ask(Stale(session->generation)), HasReason(Reason::kBillUnavailable));
  ASSERT_THAT(Ask(Stale(session->generation)), HasReason(Reason::kBillUnavailable));
  executor.Advance(absl::Seconds(5));
  ExpectOneReportLeft();
}

TEST_F(SessionManagerReportTest, ReportDuringHourlyLimitIsFree) {
  const SessionPtr session = *Ask();
  executor.Advance(absl::Minutes(2));
  BillError limited = Refusal(Verdict::kRateLimited, "BDC_1144");
  limited.retry_after = absl::Seconds(10);
  bill.FailNextSessionInfos(1, limited);
  ASSERT_THAT(Ask(Stale(session->generation)), HasReason(Reason::kBillRateLimited));
  ASSERT_THAT(Ask(Stale(session->generation)), HasReason(Reason::kBillRateLimited));
  executor.Advance(absl::Seconds(10));
  ExpectOneReportLeft();
}

TEST_F(SessionManagerReportTest, ReportOfReplacedSessionIsFree) {
  const SessionPtr session = *Ask();
  executor.Advance(absl::Minutes(2));
  (void)ReportAndHold(session);
  few.Logout(kFirst, "", 0, [](const absl::StatusOr<bool>&) {});
  Release();
  ExpectOneReportLeft();
}

TEST_F(SessionManagerReportTest, RetryTimeOfRefusedReportIsABound) {
  const SessionPtr session = *Ask();
  executor.Advance(absl::Minutes(2));
  ASSERT_THAT(Ask(Stale(session->generation)), IsOk());
  executor.Advance(absl::Minutes(6) + absl::Seconds(39) + absl::Milliseconds(999));
  const Answer refused = Ask(Stale(session->generation));
  ASSERT_THAT(refused, HasReason(Reason::kCallerLimit));
  EXPECT_THAT(refused, HasRetryAfter(::testing::Gt(absl::Milliseconds(50))));
  executor.Advance(*DetailsOf(refused.status())->retry_after);
  EXPECT_THAT(Ask(Stale(session->generation)), IsOk());
}

}  // namespace
}  // namespace billbroker
