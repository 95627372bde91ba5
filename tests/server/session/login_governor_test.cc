#include "server/session/login_governor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Priority = LoginGovernor::Priority;

constexpr auto kOpen = [](const LoginGovernor::Applicant&) { return true; };

class LoginGovernorTest : public ::testing::Test {
 protected:
  static GovernorOptions Few() {
    GovernorOptions options;
    options.sign_ins_per_hour = 10;
    return options;
  }

  static LoginGovernor::Applicant Pair(const std::string& name, const std::string& dev_key = "key",
                                       const std::string& user = "user") {
    return {name, name, dev_key, dev_key, user, "secret"};
  }

  void Enqueue(const std::string& name, Priority priority = Priority::kCaller) {
    governor.Enqueue(Pair(name), priority);
  }

  // All whose turn is now; they stay under way.
  std::vector<std::string> Go() {
    std::vector<std::string> gone;
    while (absl::optional<LoginGovernor::Place> place = governor.Next(now, kOpen)) {
      gone.push_back(place->applicant.pair);
      under_way.push_back(place->applicant);
    }
    return gone;
  }
  void EndAll() {
    for (const LoginGovernor::Applicant& applicant : under_way) {
      governor.End(applicant, absl::ZeroDuration(), now);
    }
    under_way.clear();
  }
  void Spend(int count) {
    for (int i = 0; i < count; ++i) Enqueue(absl::StrCat("spent", i));
    Go();
    EndAll();
  }

  absl::Duration now = absl::Hours(50);
  LoginGovernor governor{Few()};
  std::deque<LoginGovernor::Applicant> under_way;
};

TEST_F(LoginGovernorTest, CallersGoBeforeWarmWatchesAndTheseBeforePrewarming) {
  Enqueue("prewarm", Priority::kPrewarm);
  Enqueue("warm", Priority::kWarm);
  Enqueue("second");
  Enqueue("third");
  EXPECT_THAT(Go(), ElementsAre("second", "third", "warm", "prewarm"));
}

TEST_F(LoginGovernorTest, APairHasOnePlaceAndMovesUpOnlyByPriority) {
  Enqueue("a");
  Enqueue("b", Priority::kPrewarm);
  Enqueue("c");
  Enqueue("a");
  Enqueue("b");
  EXPECT_THAT(Go(), ElementsAre("a", "c", "b"));
}

TEST_F(LoginGovernorTest, NoHourSeesMoreThanTheLimitCountedFromTheEnd) {
  Spend(10);
  Enqueue("late");
  EXPECT_THAT(Go(), IsEmpty());
  EXPECT_EQ(governor.wake_time(), now + absl::Hours(1));
  now += absl::Hours(1) - absl::Seconds(1);
  EXPECT_THAT(Go(), IsEmpty());
  now += absl::Seconds(1);
  EXPECT_THAT(Go(), ElementsAre("late"));
}

TEST_F(LoginGovernorTest, WhatIsUnderWayIsSpent) {
  for (int i = 0; i < 11; ++i) Enqueue(absl::StrCat(i));
  EXPECT_EQ(Go().size(), 10U);
  now += absl::Hours(2);
  EXPECT_THAT(Go(), IsEmpty()) << "none has ended yet";
}

TEST_F(LoginGovernorTest, WhatWasNotSentIsNotSpent) {
  for (int i = 0; i < 11; ++i) Enqueue(absl::StrCat(i));
  Go();
  governor.Cancel(under_way.front());
  EXPECT_THAT(Go(), ElementsAre("10"));
}

TEST_F(LoginGovernorTest, TheReserveIsForCallersAlone) {
  Spend(9);
  Enqueue("warm", Priority::kWarm);
  EXPECT_THAT(Go(), IsEmpty());
  Enqueue("caller");
  EXPECT_THAT(Go(), ElementsAre("caller"));
}

TEST_F(LoginGovernorTest, PrewarmingLeavesCallersThatTheGateHoldsTheirSlots) {
  Spend(8);
  governor.Enqueue(Pair("held", "key", "held-user"), Priority::kCaller);
  Enqueue("prewarm", Priority::kPrewarm);
  const auto gate = [](const LoginGovernor::Applicant& each) { return each.user != "held-user"; };
  EXPECT_EQ(governor.Next(now, gate), absl::nullopt);
}

TEST_F(LoginGovernorTest, AShareLimitsADevKeyThatOthersUseToo) {
  GovernorOptions options = Few();
  options.share = 0.5;
  options.shares["mine"] = 1;
  LoginGovernor shared(options);
  int gone = 0;
  for (int i = 0; i < 20; ++i) {
    shared.Enqueue(Pair(absl::StrCat("shared", i), "shared"), Priority::kCaller);
    shared.Enqueue(Pair(absl::StrCat("mine", i), "mine"), Priority::kCaller);
  }
  while (shared.Next(now, kOpen).has_value()) ++gone;
  EXPECT_EQ(gone, 15);
}

TEST_F(LoginGovernorTest, DevKeysAndUsersDoNotHoldEachOtherUp) {
  Spend(10);
  Enqueue("spent");
  governor.Enqueue(Pair("other key", "other"), Priority::kPrewarm);
  governor.Enqueue(Pair("closed", "third", "closed user"), Priority::kCaller);
  const auto gate = [](const LoginGovernor::Applicant& each) { return each.user != "closed user"; };
  EXPECT_EQ(governor.Next(now, gate)->applicant.pair, "other key");
  EXPECT_EQ(governor.Next(now, gate), absl::nullopt);
}

TEST_F(LoginGovernorTest, AnOrganizationHasOneSignInUnderWayPerDevKey) {
  LoginGovernor::Applicant first = Pair("by-alice", "key", "alice");
  LoginGovernor::Applicant second = Pair("by-bob", "key", "bob");
  first.organization_id = second.organization_id = "008one";
  governor.Enqueue(first, Priority::kCaller);
  governor.Enqueue(second, Priority::kCaller);
  EXPECT_THAT(Go(), ElementsAre("by-alice"));
  EndAll();
  EXPECT_THAT(Go(), ElementsAre("by-bob"));
}

TEST_F(LoginGovernorTest, ParallelSignInsAreBoundedOverallAndPerDevKey) {
  GovernorOptions options;
  options.max_parallel = 5;
  options.max_parallel_per_dev_key = 3;
  LoginGovernor bounded(options);
  for (int i = 0; i < 10; ++i) {
    bounded.Enqueue(Pair(absl::StrCat("a", i), "a"), Priority::kCaller);
  }
  for (int i = 0; i < 10; ++i) {
    bounded.Enqueue(Pair(absl::StrCat("b", i), "b"), Priority::kCaller);
  }
  std::vector<std::string> gone;
  while (absl::optional<LoginGovernor::Place> place = bounded.Next(now, kOpen)) {
    gone.push_back(place->applicant.pair);
  }
  EXPECT_THAT(gone, ElementsAre("a0", "a1", "a2", "b0", "b1"));
}

TEST_F(LoginGovernorTest, AParkedDevKeyWaitsUntilItsTime) {
  governor.Park("key", now + absl::Minutes(7));
  Enqueue("a");
  EXPECT_THAT(Go(), IsEmpty());
  EXPECT_EQ(governor.wake_time(), now + absl::Minutes(7));
  EXPECT_EQ(governor.TurnOf("a", now), now + absl::Minutes(7));
  now += absl::Minutes(7);
  EXPECT_THAT(Go(), ElementsAre("a"));
}

TEST_F(LoginGovernorTest, TurnsAreForetoldInTheOrderInWhichSlotsBecomeFree) {
  for (int i = 0; i < 10; ++i) {
    Enqueue(absl::StrCat("spent", i));
    Go();
    EndAll();
    now += absl::Minutes(1);
  }
  const absl::Duration first_free = now + absl::Minutes(50);
  std::vector<std::string> names;
  for (int i = 0; i < 25; ++i) names.push_back(absl::StrCat("waits", i));
  for (const std::string& name : names) Enqueue(name);
  EXPECT_EQ(governor.TurnOf("waits0", now), first_free);
  EXPECT_EQ(governor.TurnOf("waits3", now), first_free + absl::Minutes(3));
  EXPECT_EQ(governor.TurnOf("waits10", now), first_free + absl::Hours(1));
  EXPECT_EQ(governor.TurnOf("waits24", now), first_free + absl::Hours(2) + absl::Minutes(4));
  // And so it comes.
  for (const std::string& name : names) {
    now = governor.TurnOf(name, now);
    EXPECT_THAT(Go(), ElementsAre(name));
    EndAll();
  }
}

TEST_F(LoginGovernorTest, WhatWasSpentBeforeARestartCounts) {
  for (int i = 0; i < 10; ++i) governor.Restore("key", "key", now - absl::Minutes(59));
  Enqueue("a");
  EXPECT_THAT(Go(), IsEmpty());
  EXPECT_EQ(governor.TurnOf("a", now), now + absl::Minutes(1));
}

TEST_F(LoginGovernorTest, APlaceFromBeforeARestartGoesBeforeNewOnes) {
  governor.Enqueue(Pair("new"), Priority::kCaller, 0);
  governor.Enqueue(Pair("older"), Priority::kCaller, 7);
  governor.Enqueue(Pair("newest"), Priority::kCaller, 0);
  EXPECT_THAT(Go(), ElementsAre("new", "older", "newest"));
}

TEST_F(LoginGovernorTest, WhoWithdrawsLeavesNoTrace) {
  Enqueue("a");
  Enqueue("b");
  governor.Withdraw("a");
  governor.Withdraw("a");
  EXPECT_EQ(governor.Find("a"), nullptr);
  EXPECT_THAT(governor.QueuedOf("user"), ElementsAre("b"));
  EXPECT_THAT(governor.QueuedOn("key"), UnorderedElementsAre("b"));
  EXPECT_THAT(Go(), ElementsAre("b"));
}

TEST_F(LoginGovernorTest, BudgetsSayWhatIsSpentAndWhoWaits) {
  Spend(4);
  Enqueue("a");
  const std::vector<LoginGovernor::Budget> budgets = governor.Budgets(now);
  ASSERT_EQ(budgets.size(), 1U);
  EXPECT_EQ(budgets[0].dev_key, "key");
  EXPECT_EQ(budgets[0].limit, 10);
  EXPECT_EQ(budgets[0].used, 4);
  EXPECT_EQ(budgets[0].queued, 1);
  Go();
  EndAll();
  EXPECT_THAT(governor.Budgets(now + absl::Hours(2)), IsEmpty());
}

}  // namespace
}  // namespace billbroker
