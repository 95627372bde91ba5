#include "server/session/rules/past_hour.h"

#include <gtest/gtest.h>

namespace billbroker {
namespace {

TEST(PastHourTest, ForgetsEachEventAfterAnHour) {
  PastHour events;
  events.Add(absl::Minutes(10));
  events.Add(absl::Minutes(5));
  events.Add(absl::Minutes(20));
  EXPECT_EQ(events.CountAt(absl::Minutes(20)), 3);
  EXPECT_EQ(events.CountAt(absl::Minutes(65) - absl::Nanoseconds(1)), 3);
  EXPECT_EQ(events.CountAt(absl::Minutes(65)), 2);
  EXPECT_EQ(events.CountAt(absl::Minutes(80)), 0);
}

TEST(PastHourTest, ReturnsTheTimeAtWhichTheOldestAreForgotten) {
  PastHour events;
  events.Add(absl::Minutes(10));
  events.Add(absl::Minutes(5));
  EXPECT_EQ(events.ForgottenAt(0), -absl::InfiniteDuration());
  EXPECT_EQ(events.ForgottenAt(1), absl::Minutes(65));
  EXPECT_EQ(events.ForgottenAt(2), absl::Minutes(70));
  EXPECT_EQ(events.ForgottenAt(3), absl::InfiniteDuration());
}

}  // namespace
}  // namespace billbroker
