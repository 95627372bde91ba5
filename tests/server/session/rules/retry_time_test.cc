#include "server/session/rules/retry_time.h"

#include <gtest/gtest.h>

#include "tests/server/session/rules/sample_candidate.h"

namespace billbroker {
namespace {

constexpr absl::Duration kRetryNow = absl::Hours(5);

TEST(RetryTimeTest, IsNeverBeforeTheBound) {
  FixedRandom lowest(0);
  EXPECT_EQ(RetryAfter(kRetryNow + absl::Minutes(7), kRetryNow, lowest), absl::Minutes(7));
}

TEST(RetryTimeTest, IsSpreadByATenthAndTenSeconds) {
  FixedRandom highest(1);
  EXPECT_EQ(RetryAfter(kRetryNow + absl::Seconds(50), kRetryNow, highest), absl::Seconds(55));
  EXPECT_EQ(RetryAfter(kRetryNow + absl::Hours(1), kRetryNow, highest),
            absl::Hours(1) + absl::Seconds(10));
}

TEST(RetryTimeTest, IsAtLeastFiftyMilliseconds) {
  FixedRandom lowest(0);
  EXPECT_EQ(RetryAfter(kRetryNow, kRetryNow, lowest), absl::Milliseconds(50));
  EXPECT_EQ(RetryAfter(kRetryNow - absl::Hours(1), kRetryNow, lowest), absl::Milliseconds(50));
  EXPECT_EQ(RetryAfter(-absl::InfiniteDuration(), kRetryNow, lowest), absl::Milliseconds(50));
}

TEST(RetryTimeTest, IsASecondIfAnotherHasToEnd) {
  FixedRandom lowest(0);
  EXPECT_EQ(RetryAfter(absl::InfiniteDuration(), kRetryNow, lowest), kUntilAnotherEnds);
}

}  // namespace
}  // namespace billbroker
