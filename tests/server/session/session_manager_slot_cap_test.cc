// The limit of one organization's sign-ins, as callers see it.
#include <gtest/gtest.h>

#include "tests/server/session/session_manager_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

class SessionManagerSlotCapTest : public SessionManagerTest {
 protected:
  absl::StatusOr<LoginOutcome> ForceAs(SignInForce force) {
    absl::StatusOr<LoginOutcome> answer = absl::UnknownError("not answered");
    manager.Login(kFirst, "", {force},
                  [&answer](absl::StatusOr<LoginOutcome> given) { answer = std::move(given); });
    executor.Advance(absl::Seconds(1));
    return answer;
  }
};

TEST_F(SessionManagerSlotCapTest, AdminsForcePassesItAndAnOperatorsDoesNot) {
  const int burst = SignInLimits().slot_burst;
  for (int n = 0; n < burst; ++n) ASSERT_THAT(ForceAs(SignInForce::kOperator), IsOk()) << n;
  EXPECT_THAT(ForceAs(SignInForce::kOperator), HasReason(Reason::kLoginBudgetSpent));
  EXPECT_EQ(bill.CountSignIns(), burst);
  EXPECT_THAT(ForceAs(SignInForce::kAdmin), IsOk());
  EXPECT_EQ(bill.CountSignIns(), burst + 1);
}

TEST_F(SessionManagerSlotCapTest, OtherOrganizationsAreNotAffected) {
  const int burst = SignInLimits().slot_burst;
  for (int n = 0; n < burst; ++n) ASSERT_THAT(ForceAs(SignInForce::kOperator), IsOk()) << n;
  EXPECT_THAT(Get({}, kSecond), IsOk());
}

}  // namespace
}  // namespace billbroker
