#include "server/session/watch_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/manual_time.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kA[] = "0080000000000000000a";
constexpr char kB[] = "0080000000000000000b";
constexpr char kC[] = "0080000000000000000c";
constexpr char kX[] = "0080000000000000000x";

class CountingListener final : public WatchHub::Listener {
 public:
  void News() override { ++news; }
  int news = 0;
};

class WatchHubTest : public ::testing::Test {
 protected:
  // Takes entries until none is left.
  static std::vector<std::uint32_t> TakeAll(WatchHub::Subscription& subscription) {
    std::vector<std::uint32_t> taken;
    while (const absl::optional<std::uint32_t> entry = subscription.Take()) {
      taken.push_back(*entry);
    }
    return taken;
  }

  ManualClock clock_;
  ManualExecutor executor_{clock_};
  WatchHub hub_{executor_};
  std::shared_ptr<CountingListener> listener_ = std::make_shared<CountingListener>();
};

TEST_F(WatchHubTest, NewSubscriptionTakesEveryEntryInOrder) {
  const auto subscription = hub_.Subscribe({kB, kA, kC}, listener_);
  EXPECT_THAT(TakeAll(*subscription), ElementsAre(0, 1, 2));
  EXPECT_THAT(TakeAll(*subscription), IsEmpty());
  executor_.RunUntilIdle();
  EXPECT_EQ(listener_->news, 0);
}

TEST_F(WatchHubTest, CoalescesChanges) {
  const auto subscription = hub_.Subscribe({kA, kB}, listener_);
  EXPECT_THAT(TakeAll(*subscription), ElementsAre(0, 1));
  for (int i = 0; i < 1000; ++i) {
    hub_.SessionChanged(kB);
    hub_.SessionChanged(kA);
  }
  EXPECT_EQ(listener_->news, 0) << "not on the thread that reports the change";
  executor_.RunUntilIdle();
  EXPECT_EQ(listener_->news, 1);
  EXPECT_THAT(TakeAll(*subscription), ElementsAre(1, 0));
  hub_.SessionChanged(kA);
  executor_.RunUntilIdle();
  EXPECT_EQ(listener_->news, 2);
}

TEST_F(WatchHubTest, DoesNotNotifyBeforeEverythingIsTaken) {
  const auto subscription = hub_.Subscribe({kA, kB}, listener_);
  EXPECT_EQ(subscription->Take(), 0U);
  hub_.SessionChanged(kA);
  executor_.RunUntilIdle();
  EXPECT_EQ(listener_->news, 0);
  EXPECT_THAT(TakeAll(*subscription), ElementsAre(1, 0));
}

TEST_F(WatchHubTest, NotifiesOnlyWatchersOfOrganization) {
  const auto other_listener = std::make_shared<CountingListener>();
  const auto subscription = hub_.Subscribe({kA}, listener_);
  const auto other = hub_.Subscribe({kB}, other_listener);
  TakeAll(*subscription);
  TakeAll(*other);
  hub_.SessionChanged(kB);
  hub_.SessionChanged("00800000000000000099");
  executor_.RunUntilIdle();
  EXPECT_EQ(listener_->news, 0);
  EXPECT_EQ(other_listener->news, 1);
  EXPECT_THAT(TakeAll(*subscription), IsEmpty());
  EXPECT_THAT(TakeAll(*other), ElementsAre(0));
}

TEST_F(WatchHubTest, AcceptsOrganizationTwice) {
  const auto subscription = hub_.Subscribe({kA, kB, kA}, listener_);
  TakeAll(*subscription);
  hub_.SessionChanged(kA);
  EXPECT_THAT(TakeAll(*subscription), ElementsAre(0, 2));
}

TEST_F(WatchHubTest, EverythingChangedMarksEveryEntryOnce) {
  const auto subscription = hub_.Subscribe({kA, kB}, listener_);
  TakeAll(*subscription);
  hub_.SessionChanged(kA);
  hub_.EverythingChanged();
  executor_.RunUntilIdle();
  EXPECT_EQ(listener_->news, 1);
  EXPECT_EQ(TakeAll(*subscription).size(), 2U);
}

TEST_F(WatchHubTest, UnsubscribingKeepsOtherSubscriptions) {
  auto first = hub_.Subscribe({kA, kB, kA}, listener_);
  auto second = hub_.Subscribe({kB, kA}, listener_);
  const auto third = hub_.Subscribe({kA}, listener_);
  TakeAll(*third);
  TakeAll(*second);
  first.reset();
  hub_.SessionChanged(kB);
  EXPECT_THAT(TakeAll(*second), ElementsAre(0));
  second.reset();
  EXPECT_EQ(hub_.watched(), 1U);
  hub_.SessionChanged(kA);
  EXPECT_THAT(TakeAll(*third), ElementsAre(0));
}

TEST_F(WatchHubTest, DoesNotNotifyDestroyedListener) {
  const auto subscription = hub_.Subscribe({kA}, listener_);
  TakeAll(*subscription);
  hub_.SessionChanged(kA);
  listener_.reset();
  executor_.RunUntilIdle();
}

// Takes every entry when it is notified, and counts them.
class TakingListener final : public WatchHub::Listener {
 public:
  void News() override {
    EXPECT_EQ(turns.fetch_add(1), 0) << "two turns at once";
    bool more = true;
    while (more) {
      // From Take() on another thread may be notified.
      --turns;
      const absl::optional<std::uint32_t> entry = subscription->Take();
      more = entry.has_value();
      if (more) ++turns;
      if (more) ++taken;
    }
  }
  WatchHub::Subscription* subscription = nullptr;
  std::atomic<int> turns = 0;
  std::atomic<int> taken = 0;
};

TEST(WatchHubConcurrencyTest, ConcurrentChangesLoseNoEntry) {
  constexpr int kOrganizations = 8;
  constexpr int kRounds = 500;
  std::vector<std::string> ids;
  for (int i = 0; i < kOrganizations; ++i) ids.push_back(absl::StrCat("0080000000000000000", i));
  auto executor = std::make_unique<ThreadExecutor>(2);
  WatchHub hub(*executor);
  const auto listener = std::make_shared<TakingListener>();
  const auto subscription = hub.Subscribe(ids, listener);
  listener->subscription = subscription.get();
  listener->News();
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 3; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < kRounds; ++i) hub.SessionChanged(ids[i % ids.size()]);
    });
  }
  threads.emplace_back([&] {
    for (int i = 0; i < kRounds; ++i) {
      const auto passing = std::make_shared<TakingListener>();
      const auto passing_subscription = hub.Subscribe(ids, passing);
      passing->subscription = passing_subscription.get();
      EXPECT_TRUE(passing_subscription->Take().has_value());
    }
  });
  for (std::thread& thread : threads) thread.join();
  executor.reset();  // runs the queued notifications
  EXPECT_FALSE(subscription->Take().has_value()) << "every change was taken";
  EXPECT_GE(listener->taken.load(), 2 * kOrganizations);
  EXPECT_EQ(hub.watched(), ids.size());
}

TEST_F(WatchHubTest, AudienceCountsWatchersThatAreUpToDate) {
  const auto first = hub_.Subscribe({kA, kB, kX}, listener_);
  const auto second = hub_.Subscribe({kB}, listener_);
  const auto other = hub_.Subscribe({kX}, listener_);
  TakeAll(*first);
  TakeAll(*second);
  EXPECT_EQ(hub_.AudienceOf({kA, kB, "00800000000000000098"}).watchers, 2);
  EXPECT_EQ(hub_.AudienceOf({kA, kB}).told, 2);
  hub_.SessionChanged(kB);
  hub_.SessionChanged(kX);
  EXPECT_EQ(hub_.AudienceOf({kA, kB}).told, 0);
  EXPECT_EQ(hub_.AudienceOf({kA}).told, 1);
  TakeAll(*second);
  EXPECT_EQ(hub_.AudienceOf({kA, kB}).told, 1);
  EXPECT_EQ(hub_.AudienceOf({}).watchers, 0);
}

}  // namespace
}  // namespace billbroker
