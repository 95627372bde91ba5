// Work without a caller: keep-alive, warm slots, pre-warming; and clocks that jump.
#include <gtest/gtest.h>

#include <string>

#include "tests/server/session/model_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::Not;

using Answer = absl::StatusOr<SessionPtr>;

class KeepAliveTest : public ::testing::Test {
 protected:
  Answer Get(ModelHouse& house, int n = 0, const SessionDemand& demand = {}) {
    Answer answer = absl::UnknownError("not answered");
    house.manager.GetSession(billsim::GeneratedOrganizationId(n), "", demand,
                             [&answer](Answer given) { answer = std::move(given); });
    house.executor.Advance(absl::Seconds(2));
    return answer;
  }
};

TEST_F(KeepAliveTest, KeepsUsedSessionAliveThenLetsItLapse) {
  SessionManagerOptions options;
  options.keep_alive = absl::Hours(3);
  ModelHouse house({.organizations = 1}, options);
  const SessionPtr first = *Get(house);
  house.executor.Advance(absl::Hours(2.9));
  EXPECT_EQ((*Get(house))->generation, first->generation);
  EXPECT_GT(house.Checks(), 5);
  EXPECT_LT(house.Checks(), 9) << "about two an hour";
  house.executor.Advance(absl::Hours(4));
  EXPECT_EQ(house.manager.Counts().live, 0);
  EXPECT_EQ(house.SignIns(), 1);
}

TEST_F(KeepAliveTest, SpreadsChecksOverTime) {
  ModelHouse house({.organizations = 100, .users = 10});
  for (int n = 0; n < 100; ++n) {
    house.manager.GetSession(billsim::GeneratedOrganizationId(n), "", {}, [](const Answer&) {});
  }
  house.executor.Advance(absl::Minutes(28));
  EXPECT_GT(house.Checks(), 10);
  EXPECT_LT(house.Checks(), 90);
}

TEST_F(KeepAliveTest, CheckRefreshesTrust) {
  ModelHouse house({.organizations = 1});
  EXPECT_FALSE((*Get(house))->trusted);
  ASSERT_THAT(house.model.ChangeUser(billsim::GeneratedUsername(0), {{"mfa", {{"bypass", true}}}}),
              IsOk());
  house.executor.Advance(absl::Minutes(32));
  EXPECT_TRUE((*Get(house))->trusted);
  EXPECT_EQ(house.SignIns(), 1);
}

TEST_F(KeepAliveTest, OutageKeepsSessionUntilItsDeadline) {
  ModelHouse house({.organizations = 1});
  const SessionPtr first = *Get(house);
  house.bill.SetReachable(false);
  house.executor.Advance(absl::Minutes(33));
  EXPECT_EQ((*Get(house))->generation, first->generation);
  house.executor.Advance(absl::Minutes(2));
  EXPECT_EQ(house.manager.Counts().live, 0);
  EXPECT_THAT(Get(house), Not(IsOk()));
}

TEST_F(KeepAliveTest, ShortOutageCostsNoSignIn) {
  ModelHouse house({.organizations = 1});
  const SessionPtr first = *Get(house);
  house.executor.Advance(absl::Minutes(20));
  house.bill.SetReachable(false);
  house.executor.Advance(absl::Minutes(12));
  house.bill.SetReachable(true);
  house.executor.Advance(absl::Minutes(10));
  EXPECT_EQ((*Get(house))->generation, first->generation);
  EXPECT_EQ(house.SignIns(), 1);
}

TEST_F(KeepAliveTest, StaysWithinCallsPerHour) {
  SessionManagerOptions options;
  options.keep_alive_calls_per_hour = 20;
  ModelHouse house({.organizations = 50, .users = 10}, options);
  for (int n = 0; n < 50; ++n) {
    house.manager.GetSession(billsim::GeneratedOrganizationId(n), "", {}, [](const Answer&) {});
  }
  house.executor.Advance(absl::Hours(1));
  EXPECT_LE(house.Checks(), 20);
  EXPECT_GE(house.Checks(), 5);
}

TEST_F(KeepAliveTest, WithoutSlidingRenewsInsteadOfKeeping) {
  SessionManagerOptions options;
  options.sliding = false;
  billsim::Settings settings;
  settings.sliding = false;
  ModelHouse house({.organizations = 1}, options, settings);
  const SessionPtr first = *Get(house);
  SessionDemand long_enough;
  long_enough.min_remaining = absl::Minutes(17);
  house.executor.Advance(absl::Minutes(15));
  EXPECT_EQ((*Get(house, 0, long_enough))->generation, first->generation);
  house.executor.Advance(absl::Minutes(10));
  EXPECT_GT((*Get(house, 0, long_enough))->generation, first->generation);
  EXPECT_EQ(house.SignIns(), 2);
}

TEST_F(KeepAliveTest, RenewsSessionAtMaximumAge) {
  SessionManagerOptions options;
  options.max_session_age = absl::Hours(2);
  billsim::Settings settings;
  settings.max_session_age = absl::Hours(2);
  ModelHouse house({.organizations = 1}, options, settings);
  const SessionPtr first = *Get(house);
  for (int i = 0; i < 11; ++i) {
    house.executor.Advance(absl::Minutes(10));
    EXPECT_EQ((*Get(house))->generation, first->generation);
  }
  house.executor.Advance(absl::Minutes(10));
  EXPECT_GT((*Get(house))->generation, first->generation);
}

TEST_F(KeepAliveTest, WarmSlotSignsInAndRecovers) {
  ModelHouse house({.organizations = 2});
  const std::string organization = billsim::GeneratedOrganizationId(1);
  house.manager.StartWarm(organization, "");
  house.executor.Advance(absl::Minutes(1));
  EXPECT_EQ(house.manager.Counts().live, 1);
  house.executor.Advance(absl::Hours(24));
  EXPECT_EQ(house.SignIns(), 1) << "kept alive all day";
  house.model.ExpireSessionsOf(organization);
  house.executor.Advance(absl::Minutes(40));
  EXPECT_EQ(house.SignIns(), 2) << "the keep-alive found it dead";
  house.manager.StopWarm(organization, "");
  house.executor.Advance(absl::Hours(24));
  EXPECT_EQ(house.manager.Counts().live, 0);
  EXPECT_EQ(house.SignIns(), 2);
}

TEST_F(KeepAliveTest, WarmSignInIsChargedToTheWatch) {
  constexpr char kWatcher[] = "unix:accounts-payable-watcher";
  ModelHouse house({.organizations = 1});
  house.manager.StartWarm(billsim::GeneratedOrganizationId(0), "", kWatcher);
  house.executor.Advance(absl::Minutes(1));
  const std::vector<StoredAttempt> attempts = house.store.contents().attempts;
  ASSERT_EQ(attempts.size(), 1U);
  EXPECT_EQ(attempts[0].principal, kWatcher);
}

TEST_F(KeepAliveTest, RetriesWarmSlotAfterOutage) {
  ModelHouse house({.organizations = 1});
  house.bill.SetReachable(false);
  house.manager.StartWarm(billsim::GeneratedOrganizationId(0), "");
  house.executor.Advance(absl::Minutes(10));
  EXPECT_EQ(house.manager.Counts().live, 0);
  house.bill.SetReachable(true);
  house.executor.Advance(absl::Minutes(3));
  EXPECT_EQ(house.manager.Counts().live, 1);
}

TEST_F(KeepAliveTest, LateUseKeepsSessionAlive) {
  SessionManagerOptions options;
  options.keep_alive = absl::Minutes(20);
  ModelHouse house({.organizations = 1}, options);
  const SessionPtr first = *Get(house);
  house.executor.Advance(absl::Minutes(32));
  ASSERT_EQ(house.Checks(), 0);
  ASSERT_THAT(Get(house), IsOk());
  house.executor.Advance(absl::Minutes(10));
  EXPECT_EQ((*Get(house))->generation, first->generation);
}

TEST_F(KeepAliveTest, PrewarmsAllWithinBudget) {
  SessionManagerOptions options;
  options.prewarm_all = true;
  ModelHouse house({.organizations = 300, .users = 10, .dev_keys = 1}, options);
  house.executor.Advance(absl::Minutes(10));
  EXPECT_EQ(house.SignIns(), 180) << "a tenth of the budget is reserved for callers";
  int cold = 0;
  while (house.manager.Peek(billsim::GeneratedOrganizationId(cold), "").ok()) ++cold;
  EXPECT_THAT(Get(house, cold), IsOk());
  EXPECT_EQ(house.SignIns(), 181);
  house.executor.Advance(absl::Hours(2));
  EXPECT_EQ(house.SignIns(), 300);
  EXPECT_EQ(house.Refusals("BDC_1144"), 0);
}

TEST_F(KeepAliveTest, PrewarmsOnlyListedOrganizations) {
  SessionManagerOptions options;
  options.prewarm = {billsim::GeneratedOrganizationId(3)};
  ModelHouse house({.organizations = 10}, options);
  house.executor.Advance(absl::Minutes(1));
  EXPECT_EQ(house.SignIns(), 1);
  EXPECT_THAT(Get(house, 3), IsOk());
  EXPECT_EQ(house.SignIns(), 1);
}

TEST_F(KeepAliveTest, ForwardClockJumpCostsOneCheck) {
  ModelHouse house({.organizations = 1});
  const SessionPtr first = *Get(house);
  house.clock.JumpWall(absl::Hours(24));
  const SessionPtr checked = *Get(house);
  EXPECT_EQ(checked->generation, first->generation);
  EXPECT_GT(checked->expire_time, house.clock.Now());
  EXPECT_EQ(house.Checks(), 1);
  EXPECT_THAT(Get(house), IsOk());
  EXPECT_EQ(house.Checks(), 1);
  EXPECT_EQ(house.SignIns(), 1);
}

TEST_F(KeepAliveTest, ClockJumpDoesNotFreeLedger) {
  for (const absl::Duration jump : {absl::Hours(24), -absl::Hours(24)}) {
    SessionManagerOptions options;
    options.sign_in.sign_ins_per_hour = 1;
    ModelHouse house({.organizations = 2}, options);
    ASSERT_THAT(Get(house, 0), IsOk());
    house.clock.JumpWall(jump);
    EXPECT_THAT(Get(house, 1), HasReason(Reason::kLoginBudgetSpent));
    house.executor.Advance(absl::Minutes(61));
    EXPECT_THAT(Get(house, 1), IsOk()) << "the place is free after an hour";
  }
}

TEST_F(KeepAliveTest, BackwardClockJumpKeepsDeadline) {
  SessionManagerOptions options = WithoutKeepAlive();
  ModelHouse house({.organizations = 1}, options);
  const SessionPtr first = *Get(house);
  house.clock.JumpWall(-absl::Hours(24));
  house.executor.Advance(absl::Minutes(34));
  EXPECT_GT((*Get(house))->generation, first->generation);
}

class LogoutTest : public KeepAliveTest {
 protected:
  void Logout(ModelHouse& house) {
    house.manager.Logout(billsim::GeneratedOrganizationId(0), "", 0,
                         [](const absl::StatusOr<bool>&) {});
    house.executor.Advance(absl::Seconds(2));
  }
};

TEST_F(LogoutTest, OnlyCallerRevivesLoggedOutWarmSlot) {
  ModelHouse house({.organizations = 1});
  house.manager.StartWarm(billsim::GeneratedOrganizationId(0), "");
  house.executor.Advance(absl::Minutes(1));
  ASSERT_EQ(house.manager.Counts().live, 1);
  Logout(house);
  house.executor.Advance(absl::Hours(2));
  EXPECT_EQ(house.manager.Counts().live, 0);
  EXPECT_EQ(house.SignIns(), 1);
  EXPECT_THAT(Get(house), IsOk());
  house.executor.Advance(absl::Hours(12));
  EXPECT_EQ(house.manager.Counts().live, 1) << "the warm watch keeps the new session alive";
}

TEST_F(LogoutTest, LogoutEndsUnawaitedSignIn) {
  ModelHouse house({.organizations = 1});
  house.manager.StartWarm(billsim::GeneratedOrganizationId(0), "");
  house.executor.Advance(absl::Seconds(5));
  while (house.manager.Counts().signing_in == 0) house.executor.Advance(absl::Milliseconds(10));
  Logout(house);
  house.executor.Advance(absl::Minutes(10));
  EXPECT_EQ(house.manager.Counts().live, 0);
  EXPECT_EQ(house.SignIns(), 1);
  EXPECT_EQ(house.model.StateJson()["sessions"].size(), 0U) << "the manager logged it out at BILL";
}

TEST_F(LogoutTest, LogoutGivesUpPlaceInQueue) {
  SessionManagerOptions options;
  options.sign_in.sign_ins_per_hour = 1;
  ModelHouse house({.organizations = 2}, options);
  ASSERT_THAT(Get(house, 1), IsOk());
  ASSERT_THAT(Get(house, 0), HasReason(Reason::kLoginBudgetSpent));
  ASSERT_EQ(house.manager.Counts().queued, 1);
  Logout(house);
  EXPECT_EQ(house.manager.Counts().queued, 0);
  house.executor.Advance(absl::Hours(2));
  EXPECT_EQ(house.SignIns(), 1);
}

TEST_F(KeepAliveTest, ExpiredClaimLeavesQueue) {
  SessionManagerOptions options;
  options.sign_in.sign_ins_per_hour = 1;
  ModelHouse house({.organizations = 2}, options);
  ASSERT_THAT(Get(house, 1), IsOk());
  ASSERT_THAT(Get(house, 0), HasReason(Reason::kLoginBudgetSpent));
  ASSERT_EQ(house.manager.Counts().queued, 1);
  house.executor.Advance(absl::Hours(2));
  EXPECT_EQ(house.manager.Counts().queued, 0);
  EXPECT_EQ(house.SignIns(), 1);
}

}  // namespace
}  // namespace billbroker
