// The places of callers that received a retry time.
#include <gtest/gtest.h>

#include <vector>

#include "tests/server/session/session_manager_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

class SessionManagerClaimTest : public SessionManagerTest {
 protected:
  // Forces sign-ins of kFirst until the slot cap leaves a claim. Returns the error.
  absl::Status LeaveClaim() {
    absl::Status refused;
    while (refused.ok()) refused = Login(true).status();
    return refused;
  }

  // Leaves a claim of kFirst, whose live session is being checked, while the secret of its user is
  // refused at two other organizations.
  void RefuseSecretDuringCheck() {
    ASSERT_THAT(Get(), IsOk());
    ASSERT_THAT(LeaveClaim(), HasReason(Reason::kLoginBudgetSpent));
    executor.Advance(absl::Seconds(2));
    const std::uint64_t held = (*Get())->generation;
    bill.Hold();
    manager.GetSession(kFirst, "", Stale(held),
                       [this](const Answer& answer) { reporter_.push_back(answer); });
    executor.RunUntilIdle();
    ASSERT_EQ(bill.held(), 1);
    for (const char* organization : {kSecond, kThird}) {
      bill.FailNextSignInsOf(organization, 1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
      manager.GetSession(organization, "", {}, [](const Answer&) {});
    }
    executor.RunUntilIdle();
    ASSERT_EQ(bill.held(), 3);
    for (int refused = 0; refused < 2; ++refused) {
      bill.ReleaseLast();
      executor.RunUntilIdle();
    }
    ASSERT_EQ(bill.held(), 1) << "the check is under way";
  }

  std::vector<Answer> reporter_;
};

TEST_F(SessionManagerClaimTest, RefusedSecretDoesNotEndACheck) {
  RefuseSecretDuringCheck();
  EXPECT_TRUE(reporter_.empty());
  bill.ReleaseAll();
  executor.RunUntilIdle();
  ASSERT_EQ(reporter_.size(), 1U);
  EXPECT_THAT(reporter_[0], IsOk());
}

TEST_F(SessionManagerClaimTest, CredentialIsDeletedDuringTheCheck) {
  RefuseSecretDuringCheck();
  credentials.Remove(kAcme, UidOf(kAcme));
  executor.RunUntilIdle();
  bill.ReleaseAll();
  executor.RunUntilIdle();
  EXPECT_EQ(reporter_.size(), 1U);
}

TEST_F(SessionManagerClaimTest, LastsAMinuteAfterTheTimeThatTheCallerReceived) {
  const absl::Duration told = *DetailsOf(LeaveClaim())->retry_after;
  executor.Advance(told + absl::Seconds(58));
  EXPECT_EQ(manager.Counts().queued, 1);
  executor.Advance(absl::Seconds(3));
  EXPECT_EQ(manager.Counts().queued, 0);
}

TEST_F(SessionManagerClaimTest, BudgetCountsItAsQueued) {
  const absl::Duration retry_after = *DetailsOf(LeaveClaim())->retry_after;
  ASSERT_EQ(manager.Budgets().size(), 1U);
  EXPECT_EQ(manager.Budgets()[0].queued, 1) << "nobody waits, and the place is kept";
  executor.Advance(retry_after + absl::Seconds(61));
  ASSERT_EQ(manager.Budgets().size(), 1U);
  EXPECT_EQ(manager.Budgets()[0].queued, 0);
}

TEST_F(SessionManagerClaimTest, WarmWatchDoesNotTakeItOver) {
  SessionManagerOptions options = WithoutKeepAlive();
  options.sign_in.sign_ins_per_hour = 3;  // one of them for proofs
  SessionManager own(options, MakeParts());
  own.Restore({});
  std::vector<Answer> answers;
  for (const char* organization : {kFirst, kSecond, kThird}) {
    own.GetSession(organization, "", {}, [&](const Answer& answer) { answers.push_back(answer); });
    executor.RunUntilIdle();
  }
  ASSERT_EQ(answers.size(), 3U);
  ASSERT_THAT(answers[2], HasReason(Reason::kLoginBudgetSpent));
  own.StartWarm(kThird, "");
  executor.Advance(absl::Minutes(1));
  bool drained = false;
  own.Drain([&drained] { drained = true; });
  executor.RunUntilIdle();
  EXPECT_TRUE(drained) << "no caller waits";
}

}  // namespace
}  // namespace billbroker
