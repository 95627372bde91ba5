// BDC_1144: which sign-ins, callers' checks and keep-alive calls it holds up.
#include <gmock/gmock.h>

#include <functional>
#include <utility>
#include <vector>

#include "tests/server/session/session_manager_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::Ge;
using ::testing::Gt;

BillError HourlyLimit(absl::Duration retry_after) {
  BillError limited = Refusal(Verdict::kRateLimited, "BDC_1144");
  limited.retry_after = retry_after;
  return limited;
}

class SessionManagerCheckLimitTest : public SessionManagerTest {
 protected:
  // Restores another session manager from the store, as after a restart, and calls `body` with it.
  void Restart(const SessionManagerOptions& options,
               const std::function<void(SessionManager&, ManualExecutor&)>& body) {
    store.Close();
    ManualExecutor own{clock};
    bill.AnswerAtOnce();
    SessionManager next(options, MakeParts(own));
    next.Restore(OpenNow(store, *vault.MasterKey()));
    body(next, own);
  }
  static Answer GetFrom(SessionManager& other, ManualExecutor& own,
                        const SessionDemand& demand = {}) {
    Answer answer = absl::UnknownError("not answered");
    other.GetSession(kFirst, "", demand, [&answer](Answer given) { answer = std::move(given); });
    own.RunUntilIdle();
    return answer;
  }
};

TEST_F(SessionManagerCheckLimitTest, HourlyLimitOfCheckServesOthers) {
  const SessionPtr session = *Get();
  bill.FailNextSessionInfos(1, Refusal(Verdict::kRateLimited, "BDC_1144"));
  EXPECT_THAT(Get(Stale(session->generation)), HasReason(Reason::kBillRateLimited));
  for (int i = 0; i < 10; ++i) {
    EXPECT_THAT(Get(Stale(session->generation)), HasReason(Reason::kBillRateLimited));
  }
  EXPECT_EQ(bill.session_infos().size(), 1U) << "the checks of callers are suspended";
  EXPECT_EQ(*Get(), session);
}

TEST_F(SessionManagerCheckLimitTest, SignInLimitDoesNotSuspendChecks) {
  const SessionPtr first = *Get();
  executor.Advance(absl::Seconds(2));
  bill.FailNextSignInsOf(kSecond, 1, HourlyLimit(absl::Minutes(30)));
  ASSERT_THAT(Get({}, kSecond), HasReason(Reason::kBillRateLimited));
  bill.KillAllSessions();
  EXPECT_THAT(Get(Stale(first->generation)), HasReason(Reason::kBillRateLimited));
  EXPECT_EQ(bill.session_infos().size(), 1U);
  EXPECT_THAT(Get(), HasReason(Reason::kBillRateLimited)) << "the dead session is not returned";
}

TEST_F(SessionManagerCheckLimitTest, CheckLimitSuspendsSignIns) {
  const SessionPtr first = *Get();
  executor.Advance(absl::Seconds(2));
  bill.FailNextSessionInfos(1, HourlyLimit(absl::Minutes(30)));
  ASSERT_THAT(Get(Stale(first->generation)), HasReason(Reason::kBillRateLimited));
  EXPECT_THAT(Get({}, kSecond), HasReason(Reason::kBillRateLimited));
  EXPECT_EQ(bill.CountSignIns(), 1);
}

TEST_F(SessionManagerCheckLimitTest, CheckLimitOutlivesRestart) {
  const SessionPtr session = *Get();
  executor.Advance(absl::Seconds(2));
  bill.FailNextSessionInfos(1, HourlyLimit(absl::Minutes(30)));
  ASSERT_THAT(Get(Stale(session->generation)), HasReason(Reason::kBillRateLimited));
  Restart(WithoutKeepAlive(), [&](SessionManager& next, ManualExecutor& own) {
    EXPECT_THAT(GetFrom(next, own, Stale(session->generation)),
                HasReason(Reason::kBillRateLimited));
  });
  EXPECT_EQ(bill.session_infos().size(), 1U);
}

TEST_F(SessionManagerCheckLimitTest, SignInLimitStaysOneAfterRestart) {
  const SessionPtr session = *Get();
  executor.Advance(absl::Seconds(2));
  bill.FailNextSignInsOf(kSecond, 1, HourlyLimit(absl::Minutes(30)));
  ASSERT_THAT(Get({}, kSecond), HasReason(Reason::kBillRateLimited));
  Restart(WithoutKeepAlive(), [&](SessionManager& next, ManualExecutor& own) {
    EXPECT_THAT(GetFrom(next, own, Stale(session->generation)), IsOk());
  });
  EXPECT_EQ(bill.session_infos().size(), 1U);
}

TEST_F(SessionManagerCheckLimitTest, RetryTimeIsNeverTooShort) {
  const SessionPtr session = *Get();
  executor.Advance(absl::Seconds(2));
  bill.FailNextSessionInfos(1, HourlyLimit(absl::Seconds(10)));
  EXPECT_THAT(Get(Stale(session->generation)), HasRetryAfter(Gt(absl::Seconds(10))));
  executor.Advance(absl::Seconds(10) - absl::Milliseconds(1));
  const Answer late = Get(Stale(session->generation));
  ASSERT_THAT(late, HasReason(Reason::kBillRateLimited));
  EXPECT_THAT(late, HasRetryAfter(Ge(absl::Milliseconds(50))));
}

// Two sign-ins of a user run at once, so a third one is queued.
TEST_F(SessionManagerCheckLimitTest, CheckLimitRefusesQueuedCallers) {
  Store(MakeCredential(kMany, 4));
  const SessionPtr session = *Get({}, OrganizationId(0, kMany));
  executor.Advance(absl::Seconds(2));
  bill.Hold();
  std::vector<Answer> reporter, queued;
  SessionDemand impatient;
  impatient.patience = absl::Seconds(30);
  for (int n = 1; n <= 2; ++n) {
    manager.GetSession(OrganizationId(n, kMany), "", {}, [](const Answer&) {});
  }
  manager.GetSession(OrganizationId(3, kMany), "", impatient,
                     [&](Answer answer) { queued.push_back(std::move(answer)); });
  executor.RunUntilIdle();
  manager.GetSession(OrganizationId(0, kMany), "", Stale(session->generation),
                     [&](Answer answer) { reporter.push_back(std::move(answer)); });
  executor.RunUntilIdle();
  ASSERT_EQ(bill.held(), 3);
  ASSERT_TRUE(queued.empty());
  bill.FailNextSessionInfos(1, HourlyLimit(absl::Minutes(30)));
  bill.ReleaseLast();
  executor.RunUntilIdle();
  ASSERT_EQ(reporter.size(), 1U);
  ASSERT_EQ(queued.size(), 1U);
  EXPECT_THAT(queued[0], HasReason(Reason::kBillRateLimited));
  EXPECT_THAT(queued[0], HasSpreadRetryAfter(absl::Minutes(30)));
}

TEST_F(SessionManagerCheckLimitTest, QueuedCallerLearnsLimitOfNewDevKey) {
  Credential moved = MakeCredential(kMany, 4);
  Store(moved);
  const SessionPtr session = *Get();
  executor.Advance(absl::Seconds(2));
  bill.FailNextSessionInfos(1, HourlyLimit(absl::Minutes(30)));
  ASSERT_THAT(Get(Stale(session->generation)), HasReason(Reason::kBillRateLimited));
  bill.Hold();
  std::vector<Answer> queued;
  SessionDemand impatient;
  impatient.patience = absl::Seconds(30);
  for (int n = 1; n <= 2; ++n) {
    manager.GetSession(OrganizationId(n, kMany), "", {}, [](const Answer&) {});
  }
  manager.GetSession(OrganizationId(3, kMany), "", impatient,
                     [&](Answer answer) { queued.push_back(std::move(answer)); });
  executor.RunUntilIdle();
  ASSERT_TRUE(queued.empty());
  moved.version = 2;
  moved.dev_key = SecretString::CopyOf(DevKeyOf(kAcme));
  Replace(moved);
  executor.RunUntilIdle();
  ASSERT_EQ(queued.size(), 1U);
  EXPECT_THAT(queued[0], HasReason(Reason::kBillRateLimited));
}

TEST_F(SessionManagerCheckLimitTest, UnverifiedSessionIsTriedEachFiveMinutes) {
  ASSERT_THAT(Get(), IsOk());
  bill.FailNextSessionInfos(1000, HourlyLimit(absl::Minutes(59)));
  Restart(SessionManagerOptions(), [&](SessionManager& next, ManualExecutor& own) {
    EXPECT_THAT(GetFrom(next, own), IsOk());
    own.Advance(absl::Minutes(11));
    EXPECT_EQ(bill.session_infos().size(), 3U);
  });
}

TEST_F(SessionManagerCheckLimitTest, WarmSessionInDoubtIsTriedEachFiveMinutes) {
  const SessionPtr session = *Get();
  bill.FailNextSessionInfos(1000, HourlyLimit(absl::Minutes(59)));
  store.set_same_boot(false);  // the session is not returned before BILL confirms it
  Restart(SessionManagerOptions(), [&](SessionManager& next, ManualExecutor& own) {
    next.StartWarm(kFirst, "");
    own.Advance(absl::Minutes(11));
    EXPECT_EQ(bill.session_infos().size(), 3U);
  });
}

}  // namespace
}  // namespace billbroker
