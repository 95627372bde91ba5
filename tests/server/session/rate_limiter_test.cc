#include "server/session/rate_limiter.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

constexpr absl::Duration kNow = absl::Hours(5);

TEST(RateLimiterTest, EachNameHasItsOwnBurstAndItsOwnRate) {
  RateLimiter limiter(60, 2);
  EXPECT_TRUE(limiter.Take("a", kNow));
  EXPECT_TRUE(limiter.Take("a", kNow));
  EXPECT_FALSE(limiter.Take("a", kNow));
  EXPECT_EQ(limiter.RetryAfter("a", kNow), absl::Minutes(1));
  EXPECT_TRUE(limiter.Take("b", kNow));
  EXPECT_TRUE(limiter.Take("a", kNow + absl::Minutes(1)));
  EXPECT_FALSE(limiter.Take("a", kNow + absl::Minutes(1)));
}

TEST(RateLimiterTest, NamesWithoutEndShareOneBucketUntilOthersAreAtRest) {
  RateLimiter limiter(60, 1);
  for (std::size_t i = 0; i < RateLimiter::kMostNames; ++i) {
    EXPECT_TRUE(limiter.Take(absl::StrCat("name ", i), kNow));
  }
  EXPECT_TRUE(limiter.Take("one more", kNow));
  EXPECT_FALSE(limiter.Take("and another", kNow));
  EXPECT_FALSE(limiter.Take("name 0", kNow)) << "it has its own";
  const absl::Duration later = kNow + absl::Minutes(1);
  EXPECT_TRUE(limiter.Take("one more", later));
  EXPECT_TRUE(limiter.Take("and another", later));
}

}  // namespace
}  // namespace billbroker
