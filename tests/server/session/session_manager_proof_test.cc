// Simulated days and millions of calls, too slow for ThreadSanitizer.
#include <gtest/gtest.h>

#include <iostream>
#include <vector>

#include "tests/server/session/model_fixture.h"

namespace billbroker {
namespace {

using Answer = absl::StatusOr<SessionPtr>;

TEST(SessionManagerProofTest, MillionFalseReportsCostNoSignIn) {
  ModelHouse house({.organizations = 10});
  std::vector<std::uint64_t> generations(10, 0);
  for (int n = 0; n < 10; ++n) {
    house.manager.GetSession(billsim::GeneratedOrganizationId(n), "", {},
                             [&, n](const Answer& got) { generations[n] = (*got)->generation; });
  }
  house.executor.Advance(absl::Seconds(20));
  ASSERT_EQ(house.SignIns(), 10);
  int limited = 0;
  int others = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    SessionDemand lie;
    lie.principal = "unix:caller-that-lies";
    lie.stale_generation = generations[i % 10];
    house.manager.GetSession(billsim::GeneratedOrganizationId(i % 10), "", lie,
                             [&limited](const Answer& got) {
                               if (HasReason(got.status(), Reason::kCallerLimit)) ++limited;
                             });
    if (i % 1000 != 0) continue;
    house.executor.Advance(absl::Seconds(2));  // longer than the second for which a check is fresh
    house.manager.GetSession(billsim::GeneratedOrganizationId(i % 10), "", {},
                             [&others](const Answer& got) { others += got.ok() ? 1 : 0; });
  }
  EXPECT_EQ(house.SignIns(), 10);
  EXPECT_EQ(others, 1000);
  EXPECT_GT(limited, 900'000);
  EXPECT_LE(house.Checks(), 600) << "in a little more than half an hour";
}

// Returns the number of sign-ins in a day of 100 busy organizations on one devKey.
std::int64_t SignInsOfABusyDay(const SessionManagerOptions& options, bool sliding) {
  billsim::Settings settings;
  settings.sliding = sliding;
  ModelHouse house({.organizations = 100, .users = 2, .dev_keys = 1}, options, settings);
  for (absl::Duration day; day < absl::Hours(24); day += absl::Minutes(5)) {
    for (int n = 0; n < house.organizations(); ++n) {
      house.manager.GetSession(billsim::GeneratedOrganizationId(n), "", {}, [](const Answer&) {});
    }
    house.executor.Advance(absl::Minutes(5));
  }
  EXPECT_EQ(house.Refusals("BDC_1144"), 0);
  return house.SignIns();
}

TEST(SessionManagerProofTest, BusyDayCostsOneSignInPerOrganization) {
  const std::int64_t ours = SignInsOfABusyDay({}, true);
  SessionManagerOptions not_sliding;
  not_sliding.sliding = false;
  const std::int64_t from_the_sign_in = SignInsOfABusyDay(not_sliding, false);
  SessionManagerOptions absolute =
      not_sliding;  // with a margin of 15 minutes, as many programs use
  absolute.safety_margin = absl::Minutes(15);
  const std::int64_t absolute_expiry = SignInsOfABusyDay(absolute, true);
  std::cout << "sign-ins of a day of 100 busy organizations on one devKey: " << ours
            << " kept alive, " << from_the_sign_in << " where BILL does not slide, "
            << absolute_expiry << " with an absolute expiry and a margin of 15 minutes\n";
  EXPECT_LE(ours, 100);
  EXPECT_GT(from_the_sign_in, 30 * ours);
  EXPECT_GT(absolute_expiry, from_the_sign_in);
}

}  // namespace
}  // namespace billbroker
