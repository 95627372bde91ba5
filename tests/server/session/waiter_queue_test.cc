#include "server/session/waiter_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <list>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kAlice[] = "unix:alice-of-accounts";
constexpr char kBob[] = "unix:bob-of-accounts";
constexpr char kCarol[] = "unix:carol-of-accounts";

Waiter WaiterOf(absl::string_view principal, absl::Duration gives_up = absl::Seconds(30),
                SignInForce force = SignInForce::kNone) {
  Waiter waiter;
  waiter.demand.principal = std::string(principal);
  waiter.gives_up = gives_up;
  waiter.force = force;
  return waiter;
}

Waiter CachedOnly(absl::string_view principal) {
  Waiter waiter = WaiterOf(principal);
  waiter.demand.cached_only = true;
  return waiter;
}

std::vector<std::string> Principals(const std::list<Waiter>& waiters) {
  std::vector<std::string> principals;
  for (const Waiter& waiter : waiters) principals.push_back(waiter.demand.principal);
  return principals;
}

std::vector<std::string> Principals(const WaiterQueue& queue) {
  std::vector<std::string> principals;
  queue.ForEach([&](const Waiter& waiter) { principals.push_back(waiter.demand.principal); });
  return principals;
}

TEST(WaiterQueueTest, IsEmptyAtFirst) {
  WaiterQueue queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.size(), 0U);
  EXPECT_EQ(queue.force(), SignInForce::kNone);
  EXPECT_THAT(queue.TakeAll(), IsEmpty());
  EXPECT_THAT(queue.TakeCachedOnly(), IsEmpty());
  EXPECT_THAT(queue.TakeGivingUpBefore(absl::InfiniteDuration()), IsEmpty());
}

TEST(WaiterQueueTest, KeepsTheOrderOfArrival) {
  WaiterQueue queue;
  queue.Add(WaiterOf(kCarol, absl::Seconds(3)));
  queue.Add(WaiterOf(kAlice, absl::Seconds(2)));
  queue.Add(WaiterOf(kBob, absl::Seconds(1)));
  EXPECT_EQ(queue.size(), 3U);
  EXPECT_EQ(queue.front().demand.principal, kCarol);
  EXPECT_THAT(Principals(queue), ElementsAre(kCarol, kAlice, kBob));
  EXPECT_THAT(Principals(queue.TakeAll()), ElementsAre(kCarol, kAlice, kBob));
  EXPECT_TRUE(queue.empty());
}

TEST(WaiterQueueTest, RemovesOneWaiterOnce) {
  WaiterQueue queue;
  queue.Add(WaiterOf(kAlice));
  const WaiterQueue::Id bob = queue.Add(WaiterOf(kBob));
  queue.Add(WaiterOf(kCarol));
  const absl::optional<Waiter> removed = queue.Remove(bob);
  ASSERT_TRUE(removed.has_value());
  EXPECT_EQ(removed->demand.principal, kBob);
  EXPECT_THAT(Principals(queue), ElementsAre(kAlice, kCarol));
  EXPECT_FALSE(queue.Remove(bob).has_value());
}

TEST(WaiterQueueTest, AnsweredWaiterIsNotRemovedAgain) {
  WaiterQueue queue;
  const WaiterQueue::Id alice = queue.Add(WaiterOf(kAlice));
  ASSERT_EQ(queue.TakeAll().size(), 1U);
  const WaiterQueue::Id bob = queue.Add(WaiterOf(kBob));
  EXPECT_NE(alice, bob);
  EXPECT_FALSE(queue.Remove(alice).has_value());
  EXPECT_EQ(queue.size(), 1U);
}

TEST(WaiterQueueTest, IdsAreNotZero) {
  WaiterQueue queue;
  EXPECT_NE(queue.Add(WaiterOf(kAlice)), 0U);
}

TEST(WaiterQueueTest, TakesWaitersThatGiveUpBeforeAStart) {
  WaiterQueue queue;
  queue.Add(WaiterOf(kAlice, absl::Seconds(20)));
  queue.Add(WaiterOf(kBob, absl::Seconds(30)));
  queue.Add(WaiterOf(kCarol, absl::Seconds(10)));
  EXPECT_THAT(Principals(queue.TakeGivingUpBefore(absl::Seconds(30))), ElementsAre(kCarol, kAlice));
  EXPECT_THAT(Principals(queue), ElementsAre(kBob));
}

TEST(WaiterQueueTest, ComparesEqualDeadlinesByArrival) {
  WaiterQueue queue;
  queue.Add(WaiterOf(kBob));
  queue.Add(WaiterOf(kAlice));
  EXPECT_THAT(Principals(queue.TakeGivingUpBefore(absl::Minutes(1))), ElementsAre(kBob, kAlice));
}

TEST(WaiterQueueTest, TakesWaitersWithCachedOnly) {
  WaiterQueue queue;
  queue.Add(CachedOnly(kAlice));
  queue.Add(WaiterOf(kBob));
  queue.Add(CachedOnly(kCarol));
  EXPECT_THAT(Principals(queue.TakeCachedOnly()), ElementsAre(kAlice, kCarol));
  EXPECT_THAT(Principals(queue), ElementsAre(kBob));
  EXPECT_THAT(queue.TakeCachedOnly(), IsEmpty());
}

TEST(WaiterQueueTest, FindsCachedOnlyAfterOthersLeft) {
  WaiterQueue queue;
  const WaiterQueue::Id alice = queue.Add(CachedOnly(kAlice));
  queue.Add(CachedOnly(kBob));
  ASSERT_TRUE(queue.Remove(alice).has_value());
  EXPECT_THAT(Principals(queue.TakeCachedOnly()), ElementsAre(kBob));
  queue.Add(CachedOnly(kCarol));
  ASSERT_EQ(queue.TakeAll().size(), 1U);
  queue.Add(WaiterOf(kAlice));
  EXPECT_THAT(queue.TakeCachedOnly(), IsEmpty());
}

TEST(WaiterQueueTest, TakesWaitersByCondition) {
  WaiterQueue queue;
  queue.Add(WaiterOf(kAlice));
  const WaiterQueue::Id bob = queue.Add(WaiterOf(kBob));
  queue.Add(WaiterOf(kAlice));
  EXPECT_THAT(Principals(queue.TakeIf(
                  [](const Waiter& waiter) { return waiter.demand.principal == kAlice; })),
              ElementsAre(kAlice, kAlice));
  EXPECT_TRUE(queue.Remove(bob).has_value());
  EXPECT_TRUE(queue.empty());
}

TEST(WaiterQueueTest, ReturnsTheStrongestForce) {
  WaiterQueue queue;
  queue.Add(WaiterOf(kAlice));
  EXPECT_EQ(queue.force(), SignInForce::kNone);
  const WaiterQueue::Id operators =
      queue.Add(WaiterOf(kBob, absl::Seconds(30), SignInForce::kOperator));
  EXPECT_EQ(queue.force(), SignInForce::kOperator);
  const WaiterQueue::Id admins =
      queue.Add(WaiterOf(kCarol, absl::Seconds(30), SignInForce::kAdmin));
  EXPECT_EQ(queue.force(), SignInForce::kAdmin);
  ASSERT_TRUE(queue.Remove(admins).has_value());
  EXPECT_EQ(queue.force(), SignInForce::kOperator);
  ASSERT_TRUE(queue.Remove(operators).has_value());
  EXPECT_EQ(queue.force(), SignInForce::kNone);
}

TEST(WaiterQueueTest, TakingAllWaitersEndsTheForce) {
  WaiterQueue queue;
  queue.Add(WaiterOf(kAlice, absl::Seconds(30), SignInForce::kAdmin));
  ASSERT_EQ(queue.TakeAll().size(), 1U);
  EXPECT_EQ(queue.force(), SignInForce::kNone);
}

}  // namespace
}  // namespace billbroker
