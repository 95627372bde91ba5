#include "client/session_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/client/support/fake_broker.h"
#include "tests/support/await.h"
#include "tests/support/manual_time.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::SizeIs;

class SessionCacheTest : public ::testing::Test {
 protected:
  // Retries and adds quickly.
  static SessionCacheOptions Watching(std::vector<WatchedOrganization> organizations) {
    SessionCacheOptions options;
    options.organizations = std::move(organizations);
    options.collect = absl::ZeroDuration();
    options.first_backoff = absl::Milliseconds(1);
    options.longest_backoff = absl::Milliseconds(20);
    return options;
  }

  std::unique_ptr<SessionCache> Open(const SessionCacheOptions& options) {
    const ClientOptions client{.address = "unix:" + socket_, .call_timeout = absl::Seconds(20)};
    return *SessionCache::Create(*OpenChannel(client), client, options, clock_, random_);
  }
  std::unique_ptr<SessionCache> OpenAndAwait(const SessionCacheOptions& options) {
    auto cache = Open(options);
    EXPECT_TRUE(Await([&] { return cache->watch_status().ok(); }, "the watch to be complete"));
    return cache;
  }

  std::size_t calls() const { return broker_->get_session_requests().size(); }
  // Returns true if one GetSession() costs no call.
  bool IsHit(SessionCache& cache, const std::string& organization_id,
             const GetSessionOptions& options = {}) const {
    const std::size_t before = calls();
    EXPECT_THAT(cache.GetSession(organization_id, options), IsOk());
    return calls() == before;
  }
  std::uint64_t GenerationOf(SessionCache& cache) {
    const absl::StatusOr<ClientSession> session = cache.GetSession("00800000000000000801");
    return session.ok() ? session->generation : 0;
  }

  TempFolder folder_;
  const std::string socket_ = folder_ / "broker.sock";
  ManualClock clock_;
  SystemRandom random_;
  std::unique_ptr<FakeBroker> broker_ = std::make_unique<FakeBroker>(socket_);
};

TEST_F(SessionCacheTest, HitNeedsNoCallAndHoldsAllFields) {
  SessionCacheOptions options = Watching({{"00800000000000000801"}});
  options.include_dev_key = true;
  options.include_headers = true;
  options.keep_warm = true;
  const auto cache = OpenAndAwait(options);
  for (int i = 0; i < 1000; ++i) {
    const absl::StatusOr<ClientSession> session = cache->GetSession(
        "00800000000000000801", {.include_dev_key = true, .include_headers = true});
    ASSERT_THAT(session, IsOk());
    EXPECT_EQ(session->session_id.Reveal(), kSessionIdSecret);
    EXPECT_EQ(session->dev_key.Reveal(), kDevKeySecret);
    ASSERT_THAT(session->headers, SizeIs(2));
    EXPECT_EQ(session->headers[1].value.Reveal(), kDevKeySecret);
    EXPECT_EQ(session->base_url, "https://bill.test/connect");
    EXPECT_EQ(session->user_id, "00600000000000000601");
    EXPECT_EQ(session->remaining, absl::Minutes(34));
  }
  EXPECT_EQ(calls(), 0U);
  ASSERT_THAT(broker_->watch_requests(), SizeIs(1));
  EXPECT_TRUE(broker_->watch_requests()[0].include_dev_key());
  EXPECT_TRUE(broker_->watch_requests()[0].include_headers());
  EXPECT_TRUE(broker_->watch_requests()[0].keep_warm());
}

TEST_F(SessionCacheTest, AppliesUpdates) {
  const auto cache = OpenAndAwait(Watching({{"00800000000000000801"}}));
  v1::Session next = FakeSession("00800000000000000801", 5);
  next.set_session_id("another-session");
  broker_->Tell("00800000000000000801", next);
  EXPECT_TRUE(Await([&] { return GenerationOf(*cache) == 5; }, "the new generation"));
  EXPECT_EQ(calls(), 0U);
  broker_->Tell("00800000000000000801", MakeError(Reason::kNoLiveSession, "logged out"));
  EXPECT_TRUE(Await([&] { return !IsHit(*cache, "00800000000000000801"); }, "a miss"));
}

TEST_F(SessionCacheTest, ReturnsNothingPastItsDeadline) {
  const auto cache = OpenAndAwait(Watching({{"00800000000000000801"}}));
  clock_.Advance(absl::Minutes(34) - absl::Milliseconds(1));
  EXPECT_TRUE(IsHit(*cache, "00800000000000000801"));
  clock_.Advance(absl::Milliseconds(1));
  EXPECT_FALSE(IsHit(*cache, "00800000000000000801"));
}

TEST_F(SessionCacheTest, MissSendsAllOptionsToTheBroker) {
  const auto cache = OpenAndAwait(Watching({{"00800000000000000801"}}));
  EXPECT_FALSE(IsHit(*cache, "00800000000000000801", {.min_remaining = absl::Hours(1)}));
  EXPECT_FALSE(IsHit(*cache, "00800000000000000801", {.require_trusted = true}));
  EXPECT_FALSE(IsHit(*cache, "00800000000000000801", {.include_dev_key = true})) << "none is kept";
  EXPECT_FALSE(IsHit(*cache, "00800000000000000801", {.credential = "acme-payables-user"}))
      << "it is not watched by name";
  EXPECT_EQ(broker_->get_session_requests()[0].min_remaining().seconds(), 3600);
  EXPECT_TRUE(broker_->get_session_requests()[1].require_trusted());
  EXPECT_EQ(broker_->get_session_requests()[3].credential(), "acme-payables-user");
}

TEST_F(SessionCacheTest, ReturnsErrorsOfTheBroker) {
  const auto cache = OpenAndAwait(Watching({{"00800000000000000801"}}));
  EXPECT_THAT(cache->GetSession("unknown"), HasReason(Reason::kUnknownOrganization));
  EXPECT_EQ(cache->watched(), 1) << "an unknown organization is not watched";
}

TEST_F(SessionCacheTest, CallsBrokerBeforeCompleteState) {
  broker_->set_watches_silent(true);
  const auto cache = Open(Watching({{"00800000000000000801"}}));
  EXPECT_FALSE(IsHit(*cache, "00800000000000000801"));
  EXPECT_TRUE(absl::IsUnavailable(cache->watch_status()));
  broker_->set_watches_silent(false);
  EXPECT_TRUE(Await([&] { return IsHit(*cache, "00800000000000000801"); }, "a hit"));
}

TEST_F(SessionCacheTest, DoesNotReturnReportedGeneration) {
  const auto cache = OpenAndAwait(Watching({{"00800000000000000801"}}));
  const absl::StatusOr<ClientSession> next =
      cache->GetSession("00800000000000000801", {.stale_generation = 1});
  ASSERT_THAT(next, IsOk());
  EXPECT_EQ(next->generation, 2U);
  EXPECT_EQ(GenerationOf(*cache), 2U)
      << "a call of the broker, because the watch has sent nothing yet";
  EXPECT_EQ(calls(), 2U);
  v1::Session told = FakeSession("00800000000000000801", 2);
  told.set_session_id("another-session");
  broker_->Tell("00800000000000000801", told);
  EXPECT_TRUE(Await([&] { return IsHit(*cache, "00800000000000000801"); }, "a hit"));
  EXPECT_EQ(GenerationOf(*cache), 2U);
}

TEST_F(SessionCacheTest, WithSessionRetriesAfterDeadSession) {
  const auto cache = OpenAndAwait(Watching({{"00800000000000000801"}}));
  std::vector<std::uint64_t> generations;
  const absl::Status status = cache->WithSession(
      "00800000000000000801", {}, [&](const ClientSession& session) -> absl::Status {
        generations.push_back(session.generation);
        return generations.size() == 1 ? SessionDead() : absl::OkStatus();
      });
  EXPECT_THAT(status, IsOk());
  EXPECT_EQ(generations, (std::vector<std::uint64_t>{1, 2}));
  ASSERT_EQ(calls(), 1U);
  EXPECT_EQ(broker_->get_session_requests()[0].stale_generation(), 1U);
}

TEST_F(SessionCacheTest, WatchesRequestedOrganizations) {
  const auto cache = Open(Watching({}));
  EXPECT_FALSE(IsHit(*cache, "00800000000000000801"));
  EXPECT_TRUE(Await([&] { return IsHit(*cache, "00800000000000000801"); }, "a hit"));
  EXPECT_FALSE(IsHit(*cache, "00800000000000000802", {.credential = "acme-payables-user"}));
  EXPECT_TRUE(Await(
      [&] { return IsHit(*cache, "00800000000000000802", {.credential = "acme-payables-user"}); },
      "a hit"));
  EXPECT_TRUE(Await([&] { return IsHit(*cache, "00800000000000000801"); }, "a hit"));
  EXPECT_EQ(broker_->watch_requests().back().organizations_size(), 2);
}

TEST_F(SessionCacheTest, LimitsWatchedOrganizations) {
  SessionCacheOptions options = Watching({});
  options.max_organizations = 2;
  const auto cache = Open(options);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(IsHit(*cache, absl::StrCat("0080000000000000080", i)));
  EXPECT_EQ(cache->watched(), 2);
  EXPECT_TRUE(Await([&] { return IsHit(*cache, "00800000000000000801"); }, "a hit"));
  EXPECT_FALSE(IsHit(*cache, "00800000000000000805"));
}

TEST_F(SessionCacheTest, AddsNothingIfDisabled) {
  SessionCacheOptions options = Watching({{"00800000000000000801"}});
  options.add_on_use = false;
  const auto cache = OpenAndAwait(options);
  EXPECT_FALSE(IsHit(*cache, "00800000000000000802"));
  EXPECT_EQ(cache->watched(), 1);
}

TEST_F(SessionCacheTest, WatchesAgainAfterBrokerRestart) {
  const auto cache = OpenAndAwait(Watching({{"00800000000000000801"}}));
  broker_.reset();
  EXPECT_TRUE(Await([&] { return !cache->GetSession("00800000000000000801").ok(); },
                    "the broker to be unreachable"))
      << "nothing is handed out that nobody vouches for";
  EXPECT_TRUE(absl::IsUnavailable(cache->watch_status()));
  broker_ = std::make_unique<FakeBroker>(socket_);
  broker_->set_watches_silent(true);
  EXPECT_TRUE(Await([&] { return cache->GetSession("00800000000000000801").ok(); },
                    "the broker to be reachable"));
  EXPECT_GT(calls(), 0U);
  broker_->set_watches_silent(false);
  EXPECT_TRUE(Await([&] { return IsHit(*cache, "00800000000000000801"); }, "a hit"));
}

TEST_F(SessionCacheTest, RestartsEndedStream) {
  const auto cache = OpenAndAwait(Watching({{"00800000000000000801"}}));
  broker_->FailNext("WatchEnd", MakeError(Reason::kDraining, "ask again"));
  EXPECT_TRUE(Await([&] { return broker_->watch_requests().size() == 2; }, "another watch"));
  broker_->FailNext("WatchEnd", absl::UnavailableError("max_age"));
  broker_->FailNext("WatchSessions", MakeError(Reason::kDraining, "ask again"));
  EXPECT_TRUE(Await([&] { return broker_->watch_requests().size() == 4; }, "another watch"));
  EXPECT_TRUE(Await([&] { return IsHit(*cache, "00800000000000000801"); }, "a hit"));
}

TEST_F(SessionCacheTest, ReconnectsAtOnceAfterDraining) {
  SessionCacheOptions options = Watching({{"00800000000000000801"}});
  options.first_backoff = absl::Hours(1);
  options.longest_backoff = absl::Hours(1);
  const auto cache = OpenAndAwait(options);
  broker_->FailNext("WatchEnd", MakeError(Reason::kDraining, "ask again"));
  EXPECT_TRUE(Await([&] { return broker_->watch_requests().size() == 2; }, "another watch"));
  EXPECT_TRUE(Await([&] { return cache->watch_status().ok(); }, "the watch to be complete"));
  clock_.Advance(absl::Minutes(1));
  broker_->FailNext("WatchEnd", absl::UnavailableError("max_age"));
  EXPECT_TRUE(Await([&] { return broker_->watch_requests().size() == 3; }, "another watch"));
}

TEST_F(SessionCacheTest, DestructorDoesNotWaitForTheBroker) {
  broker_->FailNext("WatchSessions", Malformed("organizations", "no"));
  SessionCacheOptions options = Watching({{"00800000000000000801"}});
  options.first_backoff = absl::Hours(1);
  options.longest_backoff = absl::Hours(1);
  auto waits = Open(options);
  EXPECT_TRUE(Await([&] { return HasReason(waits->watch_status(), Reason::kMalformedRequest); },
                    "the rejection of the watch"));
  waits.reset();
  broker_.reset();
  Open(Watching({{"00800000000000000801"}})).reset();
  Open(Watching({})).reset();
}

TEST_F(SessionCacheTest, ServesManyThreads) {
  const auto cache = OpenAndAwait(Watching({{"00800000000000000801"}}));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int call = 0; call < 200; ++call) {
        EXPECT_THAT(cache->GetSession("00800000000000000801"), IsOk());
        if (call % 50 != 0) continue;
        EXPECT_THAT(cache->GetSession(absl::StrCat("00800000000000000090", call)), IsOk());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(SessionCacheOptionsTest, RejectsInvalidOptions) {
  const auto refused = [](const SessionCacheOptions& options) {
    return absl::IsInvalidArgument(SessionCache::Connect({}, options).status());
  };
  EXPECT_TRUE(refused({.max_organizations = 0}));
  EXPECT_TRUE(refused({.max_organizations = 10'001}));
  EXPECT_TRUE(refused({.organizations = {{"a"}, {"b"}}, .max_organizations = 1}));
  EXPECT_TRUE(refused({.organizations = {{"a"}, {"a"}}}));
  EXPECT_TRUE(refused({.first_backoff = absl::ZeroDuration()}));
  EXPECT_TRUE(refused({.longest_backoff = absl::Milliseconds(1)}));
  EXPECT_FALSE(refused({.organizations = {{"a"}, {"a", "acme-payables-user"}}}));
}

}  // namespace
}  // namespace billbroker
