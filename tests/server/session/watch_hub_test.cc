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

class CountingListener final : public WatchHub::Listener {
 public:
  void News() override { ++news; }
  int news = 0;
};

class WatchHubTest : public ::testing::Test {
 protected:
  // Everything that there is to take.
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

TEST_F(WatchHubTest, AtTheStartEachEntryIsToBeToldInOrder) {
  const auto subscription = hub_.Subscribe({"b", "a", "c"}, listener_);
  EXPECT_THAT(TakeAll(*subscription), ElementsAre(0, 1, 2));
  EXPECT_THAT(TakeAll(*subscription), IsEmpty());
  executor_.RunUntilIdle();
  EXPECT_EQ(listener_->news, 0);
}

TEST_F(WatchHubTest, AChangeIsNewsOnceAndAnyNumberOfChangesIsOneEntry) {
  const auto subscription = hub_.Subscribe({"a", "b"}, listener_);
  EXPECT_THAT(TakeAll(*subscription), ElementsAre(0, 1));
  for (int i = 0; i < 1000; ++i) {
    hub_.SessionChanged("b");
    hub_.SessionChanged("a");
  }
  EXPECT_EQ(listener_->news, 0) << "not on the thread of the one that tells";
  executor_.RunUntilIdle();
  EXPECT_EQ(listener_->news, 1);
  EXPECT_THAT(TakeAll(*subscription), ElementsAre(1, 0));
  hub_.SessionChanged("a");
  executor_.RunUntilIdle();
  EXPECT_EQ(listener_->news, 2);
}

TEST_F(WatchHubTest, NoNewsComesToOneThatHasNotTakenEverything) {
  const auto subscription = hub_.Subscribe({"a", "b"}, listener_);
  EXPECT_EQ(subscription->Take(), 0U);
  hub_.SessionChanged("a");
  executor_.RunUntilIdle();
  EXPECT_EQ(listener_->news, 0);
  EXPECT_THAT(TakeAll(*subscription), ElementsAre(1, 0));
}

TEST_F(WatchHubTest, OnlyThoseHearThatWatchTheOrganization) {
  const auto other_listener = std::make_shared<CountingListener>();
  const auto subscription = hub_.Subscribe({"a"}, listener_);
  const auto other = hub_.Subscribe({"b"}, other_listener);
  TakeAll(*subscription);
  TakeAll(*other);
  hub_.SessionChanged("b");
  hub_.SessionChanged("nobody's");
  executor_.RunUntilIdle();
  EXPECT_EQ(listener_->news, 0);
  EXPECT_EQ(other_listener->news, 1);
  EXPECT_THAT(TakeAll(*subscription), IsEmpty());
  EXPECT_THAT(TakeAll(*other), ElementsAre(0));
}

TEST_F(WatchHubTest, AnOrganizationMayBeNamedTwice) {
  const auto subscription = hub_.Subscribe({"a", "b", "a"}, listener_);
  TakeAll(*subscription);
  hub_.SessionChanged("a");
  EXPECT_THAT(TakeAll(*subscription), ElementsAre(0, 2));
}

TEST_F(WatchHubTest, WhenEverythingMayHaveChangedEveryEntryIsToldOnce) {
  const auto subscription = hub_.Subscribe({"a", "b"}, listener_);
  TakeAll(*subscription);
  hub_.SessionChanged("a");
  hub_.EverythingChanged();
  executor_.RunUntilIdle();
  EXPECT_EQ(listener_->news, 1);
  EXPECT_EQ(TakeAll(*subscription).size(), 2U);
}

TEST_F(WatchHubTest, OneThatWentIsForgottenAndOthersKeepTheirPlaces) {
  auto first = hub_.Subscribe({"a", "b", "a"}, listener_);
  auto second = hub_.Subscribe({"b", "a"}, listener_);
  const auto third = hub_.Subscribe({"a"}, listener_);
  TakeAll(*third);
  TakeAll(*second);
  first.reset();
  hub_.SessionChanged("b");
  EXPECT_THAT(TakeAll(*second), ElementsAre(0));
  second.reset();
  EXPECT_EQ(hub_.watched(), 1U);
  hub_.SessionChanged("a");
  EXPECT_THAT(TakeAll(*third), ElementsAre(0));
}

TEST_F(WatchHubTest, AListenerThatIsGoneHearsNothing) {
  const auto subscription = hub_.Subscribe({"a"}, listener_);
  TakeAll(*subscription);
  hub_.SessionChanged("a");
  listener_.reset();
  executor_.RunUntilIdle();
}

// Takes when it is its turn, and counts what it took of each entry.
class TakingListener final : public WatchHub::Listener {
 public:
  void News() override {
    EXPECT_EQ(turns.fetch_add(1), 0) << "two at a time";
    bool more = true;
    while (more) {
      // The turn may pass to another thread from Take() on.
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

TEST(WatchHubConcurrencyTest, ThreadsThatChangeSubscribeAndGoLoseNoMark) {
  constexpr int kOrganizations = 8;
  constexpr int kRounds = 500;
  std::vector<std::string> ids;
  for (int i = 0; i < kOrganizations; ++i) ids.push_back(absl::StrCat("org-", i));
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
  executor.reset();  // runs what was queued
  EXPECT_FALSE(subscription->Take().has_value()) << "everything was told";
  EXPECT_GE(listener->taken.load(), 2 * kOrganizations);
  EXPECT_EQ(hub.watched(), ids.size());
}

TEST_F(WatchHubTest, TheAudienceIsToldOnceItHasTakenEverythingOfTheseOrganizations) {
  const auto first = hub_.Subscribe({"a", "b", "x"}, listener_);
  const auto second = hub_.Subscribe({"b"}, listener_);
  const auto other = hub_.Subscribe({"x"}, listener_);
  TakeAll(*first);
  TakeAll(*second);
  EXPECT_EQ(hub_.AudienceOf({"a", "b", "unwatched"}).watchers, 2);
  EXPECT_EQ(hub_.AudienceOf({"a", "b"}).told, 2);
  hub_.SessionChanged("b");
  hub_.SessionChanged("x");
  EXPECT_EQ(hub_.AudienceOf({"a", "b"}).told, 0);
  EXPECT_EQ(hub_.AudienceOf({"a"}).told, 1);
  TakeAll(*second);
  EXPECT_EQ(hub_.AudienceOf({"a", "b"}).told, 1);
  EXPECT_EQ(hub_.AudienceOf({}).watchers, 0);
}

}  // namespace
}  // namespace billbroker
