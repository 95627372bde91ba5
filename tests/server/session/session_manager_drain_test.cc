// Drain(): the sign-ins that still start, and its end.
#include "tests/server/session/session_manager_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

class SessionManagerDrainTest : public SessionManagerTest {
 protected:
  void Drain() {
    manager.Drain([this] { ++drained_; });
    executor.RunUntilIdle();
  }

  int drained_ = 0;
};

TEST_F(SessionManagerDrainTest, IdleManagerIsDrainedAtOnce) {
  ASSERT_THAT(Get(), IsOk());
  Drain();
  EXPECT_EQ(drained_, 1);
}

TEST_F(SessionManagerDrainTest, WaitsForWarmSignInAndKeepsIt) {
  bill.Hold();
  manager.StartWarm(kFirst, "");
  executor.Advance(absl::Seconds(10));
  ASSERT_EQ(bill.CountSignIns(), 1);
  Drain();
  manager.StopWarm(kFirst, "");
  EXPECT_EQ(drained_, 0);
  bill.ReleaseAll();
  executor.RunUntilIdle();
  EXPECT_EQ(drained_, 1);
  EXPECT_THAT(manager.Peek(kFirst, ""), IsOk());
  EXPECT_EQ(observer.sign_in_outcomes().size(), 1U);
}

TEST_F(SessionManagerDrainTest, WaitsForTheSignInAfterAFailedCheck) {
  const std::uint64_t generation = (*Get())->generation;
  executor.Advance(absl::Seconds(2));
  bill.KillAllSessions();
  bill.Hold();
  Answer answer = absl::UnknownError("not answered");
  manager.GetSession(kFirst, "", Stale(generation),
                     [&answer](Answer given) { answer = std::move(given); });
  executor.RunUntilIdle();
  Drain();
  EXPECT_EQ(drained_, 0) << "the check is under way";
  bill.ReleaseOne();
  executor.RunUntilIdle();
  ASSERT_EQ(bill.CountSignIns(), 2);
  EXPECT_EQ(drained_, 0) << "the sign-in is under way";
  bill.ReleaseAll();
  executor.RunUntilIdle();
  EXPECT_EQ(drained_, 1);
  EXPECT_THAT(answer, IsOk());
}

TEST_F(SessionManagerDrainTest, QueuedWarmSignInsDoNotStart) {
  bill.Hold();
  for (const char* organization : {kFirst, kSecond, kThird}) manager.StartWarm(organization, "");
  executor.Advance(absl::Seconds(10));
  ASSERT_EQ(bill.CountSignIns(), 1);  // at once, until the secret is accepted
  ASSERT_EQ(manager.Counts().queued, 2);
  Drain();
  EXPECT_EQ(manager.Counts().queued, 0);
  bill.ReleaseAll();
  executor.Advance(absl::Minutes(5));
  EXPECT_EQ(bill.CountSignIns(), 1);
  EXPECT_EQ(drained_, 1);
}

TEST_F(SessionManagerDrainTest, NoWarmSignInStartsAfterwards) {
  Drain();
  manager.StartWarm(kFirst, "");
  executor.Advance(absl::Minutes(5));
  EXPECT_EQ(bill.CountSignIns(), 0);
}

TEST_F(SessionManagerDrainTest, WaitingCallersAreServedFirst) {
  bill.Hold();
  int answers = 0;
  for (const char* organization : {kFirst, kSecond, kThird}) {
    manager.GetSession(organization, "", {}, [&answers](const Answer& answer) {
      EXPECT_THAT(answer, IsOk());
      ++answers;
    });
  }
  executor.RunUntilIdle();
  Drain();
  EXPECT_EQ(drained_, 0);
  bill.ReleaseAll();
  executor.RunUntilIdle();
  EXPECT_EQ(answers, 3);
  EXPECT_EQ(drained_, 1);
}

TEST_F(SessionManagerDrainTest, CancelledCallersAreNotWaitedFor) {
  bill.Hold();
  std::vector<WaitingCall> calls;
  for (const char* organization : {kFirst, kSecond, kThird}) {
    calls.push_back(*manager.GetSession(organization, "", {}, [](const Answer&) {}));
  }
  executor.RunUntilIdle();
  Drain();
  manager.Cancel(calls);
  EXPECT_EQ(drained_, 0);
  bill.ReleaseAll();
  executor.RunUntilIdle();
  EXPECT_EQ(drained_, 1);
  EXPECT_EQ(bill.CountSignIns(), 1);
}

}  // namespace
}  // namespace billbroker
