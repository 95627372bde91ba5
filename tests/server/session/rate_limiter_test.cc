#include "server/session/rate_limiter.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

constexpr char kFirstCaller[] = "unix:the-first-caller";
constexpr char kSecondCaller[] = "unix:the-second-caller";
constexpr absl::Duration kNow = absl::Hours(5);

TEST(RateLimiterTest, EachNameHasItsOwnBurstAndRate) {
  RateLimiter limiter(60, 2);
  EXPECT_TRUE(limiter.Take(kFirstCaller, kNow));
  EXPECT_TRUE(limiter.Take(kFirstCaller, kNow));
  EXPECT_FALSE(limiter.Take(kFirstCaller, kNow));
  EXPECT_EQ(limiter.RetryAfter(kFirstCaller, kNow), absl::Minutes(1));
  EXPECT_TRUE(limiter.Take(kSecondCaller, kNow));
  EXPECT_TRUE(limiter.Take(kFirstCaller, kNow + absl::Minutes(1)));
  EXPECT_FALSE(limiter.Take(kFirstCaller, kNow + absl::Minutes(1)));
}

TEST(RateLimiterTest, RetryAfterIsATrueBound) {
  for (int n = 1; n < 1000; ++n) {
    RateLimiter limiter(n * 0.9, 1);
    absl::Duration now = kNow + absl::Nanoseconds(7 * n);
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(limiter.Take(kFirstCaller, now)) << n << " an hour, the taker " << i;
      now += limiter.RetryAfter(kFirstCaller, now);
    }
  }
}

TEST(RateLimiterTest, ExcessNamesShareOneBucket) {
  RateLimiter limiter(60, 1);
  for (std::size_t i = 0; i < RateLimiter::kMostNames; ++i) {
    EXPECT_TRUE(limiter.Take(absl::StrCat("unix:name-of-caller-", i), kNow));
  }
  EXPECT_TRUE(limiter.Take("unix:one-more-caller", kNow));
  EXPECT_FALSE(limiter.Take("unix:and-another-caller", kNow));
  EXPECT_FALSE(limiter.Take("unix:name-of-caller-0", kNow)) << "an earlier name has its own bucket";
  const absl::Duration later = kNow + absl::Minutes(1);
  EXPECT_TRUE(limiter.Take("unix:one-more-caller", later));
  EXPECT_TRUE(limiter.Take("unix:and-another-caller", later));
}

}  // namespace
}  // namespace billbroker
