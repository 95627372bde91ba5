#include "server/session/rules/dev_key_limits.h"

#include <gtest/gtest.h>

namespace billbroker {
namespace {

// A number of sign-ins an hour and a reserve, and the resulting limits.
struct LimitCase {
  int sign_ins_per_hour;
  double reserve;
  DevKeyLimit limit;
};

class DevKeyLimitsTest : public ::testing::TestWithParam<LimitCase> {};

TEST_P(DevKeyLimitsTest, ReservesPartOfTheLimit) {
  DevKeyBudgetOptions options;
  options.sign_ins_per_hour = GetParam().sign_ins_per_hour;
  options.reserve = GetParam().reserve;
  const DevKeyLimit limit = DevKeyLimits(options).Of({"sandbox", "dev-key-fingerprint"});
  EXPECT_EQ(limit.all, GetParam().limit.all);
  EXPECT_EQ(limit.callers, GetParam().limit.callers);
  EXPECT_EQ(limit.shared, GetParam().limit.shared);
}

INSTANTIATE_TEST_SUITE_P(
    Limits, DevKeyLimitsTest,
    ::testing::Values(LimitCase{200, 0.1, {200, 196, 180}}, LimitCase{200, 0.5, {200, 180, 100}},
                      LimitCase{200, 0, {200, 199, 198}}, LimitCase{200, 1, {200, 160, 0}},
                      LimitCase{100, 0.1, {100, 98, 90}}, LimitCase{10, 0.1, {10, 9, 8}},
                      LimitCase{4, 0.1, {4, 3, 2}}, LimitCase{3, 0.1, {3, 2, 1}},
                      LimitCase{2, 0.1, {2, 1, 1}}, LimitCase{1, 0.1, {1, 1, 0}},
                      LimitCase{1, 0, {1, 1, 1}}));

TEST(DevKeySharesTest, OwnShareOfADevKeyGoesFirst) {
  DevKeyBudgetOptions options;
  options.share = 0.5;
  options.shares["dev-key-of-this-broker"] = 1;
  const DevKeyLimits limits(options);
  EXPECT_EQ(limits.Of({"sandbox", "dev-key-of-several-programs"}).all, 100);
  EXPECT_EQ(limits.Of({"sandbox", "dev-key-of-this-broker"}).all, 200);
}

}  // namespace
}  // namespace billbroker
