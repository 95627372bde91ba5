#include "server/session/login_governor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Priority = LoginGovernor::Priority;

constexpr char kSlotPrefix[] = "organization-of-";
constexpr char kDevKey[] = "dev-key-of-one-user";
constexpr char kUser[] = "user-of-one-dev-key";
constexpr char kHeldUser[] = "user-held-by-the-gate";

constexpr auto kOpen = [](const LoginGovernor::Applicant&) { return true; };

class LoginGovernorTest : public ::testing::Test {
 protected:
  static GovernorOptions Few() {
    GovernorOptions options;
    options.sign_ins_per_hour = 10;
    return options;
  }

  // The slot "organization-of-NAME" of kUser with kDevKey, unless the arguments differ. The names
  // are longer than a string's internal buffer.
  static std::string Slot(absl::string_view name) { return absl::StrCat(kSlotPrefix, name); }
  static LoginGovernor::Applicant Applicant(absl::string_view name,
                                            const std::string& dev_key = kDevKey,
                                            const std::string& user = kUser) {
    return {Slot(name), Slot(name), dev_key, dev_key, user, "fingerprint-of-the-secret"};
  }
  static std::string NameOf(const LoginGovernor::Applicant& applicant) {
    return std::string(absl::StripPrefix(applicant.slot, kSlotPrefix));
  }

  void Enqueue(absl::string_view name, Priority priority = Priority::kCaller) {
    governor.Enqueue(Applicant(name), priority);
  }

  // Starts every sign-in whose turn is now, and returns the names of the slots.
  std::vector<std::string> Go() {
    std::vector<std::string> gone;
    while (absl::optional<LoginGovernor::Place> place = governor.Next(now, kOpen)) {
      gone.push_back(NameOf(place->applicant));
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

TEST_F(LoginGovernorTest, OrdersCallersThenWarmThenPrewarm) {
  Enqueue("prewarm", Priority::kPrewarm);
  Enqueue("warm", Priority::kWarm);
  Enqueue("second");
  Enqueue("third");
  EXPECT_THAT(Go(), ElementsAre("second", "third", "warm", "prewarm"));
}

TEST_F(LoginGovernorTest, SlotHasOnePlaceAndRisesByPriority) {
  Enqueue("a");
  Enqueue("b", Priority::kPrewarm);
  Enqueue("c");
  Enqueue("a");
  Enqueue("b");
  EXPECT_THAT(Go(), ElementsAre("a", "c", "b"));
}

TEST_F(LoginGovernorTest, LimitsSignInsPerSlidingHour) {
  Spend(10);
  Enqueue("late");
  EXPECT_THAT(Go(), IsEmpty());
  EXPECT_EQ(governor.wake_time(), now + absl::Hours(1));
  now += absl::Hours(1) - absl::Seconds(1);
  EXPECT_THAT(Go(), IsEmpty());
  now += absl::Seconds(1);
  EXPECT_THAT(Go(), ElementsAre("late"));
}

TEST_F(LoginGovernorTest, CountsSignInsUnderWay) {
  for (int i = 0; i < 11; ++i) Enqueue(absl::StrCat(i));
  EXPECT_EQ(Go().size(), 10U);
  now += absl::Hours(2);
  EXPECT_THAT(Go(), IsEmpty()) << "no sign-in has ended";
}

TEST_F(LoginGovernorTest, CancelledSignInIsNotSpent) {
  for (int i = 0; i < 11; ++i) Enqueue(absl::StrCat(i));
  Go();
  governor.Cancel(under_way.front());
  EXPECT_THAT(Go(), ElementsAre("10"));
}

TEST_F(LoginGovernorTest, ReservesPlacesForCallers) {
  Spend(9);
  Enqueue("warm", Priority::kWarm);
  EXPECT_THAT(Go(), IsEmpty());
  Enqueue("caller");
  EXPECT_THAT(Go(), ElementsAre("caller"));
}

TEST_F(LoginGovernorTest, PrewarmLeavesPlacesForHeldCallers) {
  Spend(8);
  governor.Enqueue(Applicant("held", kDevKey, kHeldUser), Priority::kCaller);
  Enqueue("prewarm", Priority::kPrewarm);
  const auto gate = [](const LoginGovernor::Applicant& each) { return each.user != kHeldUser; };
  EXPECT_EQ(governor.Next(now, gate), absl::nullopt);
}

TEST_F(LoginGovernorTest, ShareLimitsSharedDevKey) {
  GovernorOptions options = Few();
  options.share = 0.5;
  options.shares["dev-key-of-this-broker"] = 1;
  LoginGovernor shared(options);
  int gone = 0;
  for (int i = 0; i < 20; ++i) {
    shared.Enqueue(Applicant(absl::StrCat("shared", i), "dev-key-of-several-programs"),
                   Priority::kCaller);
    shared.Enqueue(Applicant(absl::StrCat("own", i), "dev-key-of-this-broker"), Priority::kCaller);
  }
  while (shared.Next(now, kOpen).has_value()) ++gone;
  EXPECT_EQ(gone, 15);
}

TEST_F(LoginGovernorTest, DevKeysAndUsersAreIndependent) {
  Spend(10);
  Enqueue("spent");
  governor.Enqueue(Applicant("other key", "another-dev-key-of-it"), Priority::kPrewarm);
  governor.Enqueue(Applicant("closed", "the-third-dev-key", kHeldUser), Priority::kCaller);
  const auto gate = [](const LoginGovernor::Applicant& each) { return each.user != kHeldUser; };
  EXPECT_EQ(NameOf(governor.Next(now, gate)->applicant), "other key");
  EXPECT_EQ(governor.Next(now, gate), absl::nullopt);
}

TEST_F(LoginGovernorTest, OneSignInPerOrganizationAndDevKey) {
  LoginGovernor::Applicant first = Applicant("alice", kDevKey, "alice@example.com");
  LoginGovernor::Applicant second = Applicant("bob", kDevKey, "bob@example.com.au");
  first.organization_id = second.organization_id = "00800000000000000001";
  governor.Enqueue(first, Priority::kCaller);
  governor.Enqueue(second, Priority::kCaller);
  EXPECT_THAT(Go(), ElementsAre("alice"));
  EndAll();
  EXPECT_THAT(Go(), ElementsAre("bob"));
}

TEST_F(LoginGovernorTest, BoundsParallelSignIns) {
  GovernorOptions options;
  options.max_parallel = 5;
  options.max_parallel_per_dev_key = 3;
  LoginGovernor bounded(options);
  for (int i = 0; i < 10; ++i) {
    bounded.Enqueue(Applicant(absl::StrCat("a", i), "the-first-dev-key"), Priority::kCaller);
  }
  for (int i = 0; i < 10; ++i) {
    bounded.Enqueue(Applicant(absl::StrCat("b", i), "the-second-dev-key"), Priority::kCaller);
  }
  std::vector<std::string> gone;
  while (absl::optional<LoginGovernor::Place> place = bounded.Next(now, kOpen)) {
    gone.push_back(NameOf(place->applicant));
  }
  EXPECT_THAT(gone, ElementsAre("a0", "a1", "a2", "b0", "b1"));
}

TEST_F(LoginGovernorTest, ParkedDevKeyWaits) {
  governor.Park(kDevKey, now + absl::Minutes(7));
  Enqueue("a");
  EXPECT_THAT(Go(), IsEmpty());
  EXPECT_EQ(governor.wake_time(), now + absl::Minutes(7));
  EXPECT_EQ(governor.TurnOf(Slot("a"), now), now + absl::Minutes(7));
  now += absl::Minutes(7);
  EXPECT_THAT(Go(), ElementsAre("a"));
}

TEST_F(LoginGovernorTest, PredictsTurnsInOrder) {
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
  EXPECT_EQ(governor.TurnOf(Slot("waits0"), now), first_free);
  EXPECT_EQ(governor.TurnOf(Slot("waits3"), now), first_free + absl::Minutes(3));
  EXPECT_EQ(governor.TurnOf(Slot("waits10"), now), first_free + absl::Hours(1));
  EXPECT_EQ(governor.TurnOf(Slot("waits24"), now), first_free + absl::Hours(2) + absl::Minutes(4));
  // Each prediction is correct.
  for (const std::string& name : names) {
    now = governor.TurnOf(Slot(name), now);
    EXPECT_THAT(Go(), ElementsAre(name));
    EndAll();
  }
}

TEST_F(LoginGovernorTest, CountsSignInsBeforeRestart) {
  for (int i = 0; i < 10; ++i) governor.Restore(kDevKey, kDevKey, now - absl::Minutes(59));
  Enqueue("a");
  EXPECT_THAT(Go(), IsEmpty());
  EXPECT_EQ(governor.TurnOf(Slot("a"), now), now + absl::Minutes(1));
}

TEST_F(LoginGovernorTest, RestoredPlaceGoesBeforeLaterOnes) {
  governor.Enqueue(Applicant("new"), Priority::kCaller, 0);
  governor.Enqueue(Applicant("older"), Priority::kCaller, 7);
  governor.Enqueue(Applicant("newest"), Priority::kCaller, 0);
  EXPECT_THAT(Go(), ElementsAre("new", "older", "newest"));
}

TEST_F(LoginGovernorTest, WithdrawRemovesEveryTrace) {
  Enqueue("a");
  Enqueue("b");
  governor.Withdraw(Slot("a"));
  governor.Withdraw(Slot("a"));
  EXPECT_EQ(governor.Find(Slot("a")), nullptr);
  EXPECT_THAT(governor.QueuedOf(kUser), ElementsAre(Slot("b")));
  EXPECT_THAT(governor.QueuedOn(kDevKey), ElementsAre(Slot("b")));
  EXPECT_THAT(Go(), ElementsAre("b"));
}

TEST_F(LoginGovernorTest, BudgetsShowUsedAndQueued) {
  Spend(4);
  Enqueue("a");
  const std::vector<LoginGovernor::Budget> budgets = governor.Budgets(now);
  ASSERT_EQ(budgets.size(), 1U);
  EXPECT_EQ(budgets[0].dev_key, kDevKey);
  EXPECT_EQ(budgets[0].limit, 10);
  EXPECT_EQ(budgets[0].used, 4);
  EXPECT_EQ(budgets[0].queued, 1);
  Go();
  EndAll();
  EXPECT_THAT(governor.Budgets(now + absl::Hours(2)), IsEmpty());
}

}  // namespace
}  // namespace billbroker
