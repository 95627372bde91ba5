// The limit of one organization's sign-ins, as callers see it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/session/session_manager_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class SessionManagerSlotCapTest : public SessionManagerTest {
 protected:
  absl::StatusOr<LoginOutcome> ForceAs(SignInForce force, absl::string_view organization = kFirst) {
    absl::StatusOr<LoginOutcome> answer = absl::UnknownError("not answered");
    manager.Login(organization, "", {force},
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

TEST_F(SessionManagerSlotCapTest, FailuresOfBillCountToo) {
  const int burst = SignInLimits().slot_burst;
  bill.FailNextSignInsOf(kFirst, burst, Refusal(Verdict::kUnavailable, ""));
  for (int n = 0; n < burst; ++n) {
    ASSERT_THAT(ForceAs(SignInForce::kOperator), HasReason(Reason::kBillUnavailable)) << n;
    ASSERT_THAT(ForceAs(SignInForce::kAdmin, kSecond), IsOk()) << "the circuit breaker is closed";
  }
  const absl::StatusOr<LoginOutcome> capped = ForceAs(SignInForce::kOperator);
  EXPECT_THAT(capped,
              AllOf(HasReason(Reason::kLoginBudgetSpent), HasMetadata("organization_id", kFirst),
                    HasMetadata("credential", kAcme)));
  EXPECT_THAT(capped.status().message(), Not(HasSubstr("outside the broker")))
      << "nothing outside the broker caused it";
  EXPECT_EQ(bill.CountSignInsOf(kFirst), burst);
}

TEST_F(SessionManagerSlotCapTest, OtherOrganizationsAreNotAffected) {
  const int burst = SignInLimits().slot_burst;
  for (int n = 0; n < burst; ++n) ASSERT_THAT(ForceAs(SignInForce::kOperator), IsOk()) << n;
  EXPECT_THAT(Get({}, kSecond), IsOk());
}

}  // namespace
}  // namespace billbroker
