// BILL's sign-in limits, on virtual time and over the simulator's BILL.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/server/session/model_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::Each;
using Answer = absl::StatusOr<SessionPtr>;

absl::Duration RetryAfter(const absl::Status& status) {
  return DetailsOf(status)->retry_after.value_or(absl::InfiniteDuration());
}

// One caller per organization. Each calls again after the time to retry.
class Callers final {
 public:
  explicit Callers(ModelHouse& house) : house_(house), refusals_(house.organizations(), 0) {}

  void CallAll() {
    for (int n = 0; n < house_.organizations(); ++n) Call(n);
  }
  void Call(int n) {
    house_.manager.GetSession(billsim::GeneratedOrganizationId(n), "", {},
                              [this, n](const Answer& answer) { OnAnswer(n, answer); });
  }

  [[nodiscard]] int served() const { return static_cast<int>(order_.size()); }
  [[nodiscard]] const std::vector<int>& order() const { return order_; }
  [[nodiscard]] const std::vector<int>& refusals() const { return refusals_; }

 private:
  void OnAnswer(int n, const Answer& answer) {
    if (answer.ok()) return order_.push_back(n);
    ASSERT_THAT(answer, HasReason(Reason::kLoginBudgetSpent));
    ++refusals_[n];
    house_.executor.RunAfter(RetryAfter(answer.status()), [this, n] { Call(n); });
  }

  ModelHouse& house_;
  std::vector<int> order_;
  std::vector<int> refusals_;  // by organization
};

TEST(SessionManagerBudgetTest, ServesOrganizationsInOrderAsWindowFrees) {
  ModelHouse house({.organizations = 500, .users = 10, .dev_keys = 1});
  Callers callers(house);
  callers.CallAll();
  house.executor.Advance(absl::Minutes(59));
  EXPECT_EQ(callers.served(), 196) << "four are kept for proofs";
  EXPECT_EQ(house.SignIns(), 196);
  house.executor.Advance(absl::Minutes(61));
  EXPECT_EQ(callers.served(), 392);
  house.executor.Advance(absl::Minutes(61));
  EXPECT_EQ(callers.served(), 500);
  EXPECT_EQ(house.SignIns(), 500);
  EXPECT_EQ(house.Refusals("BDC_1144"), 0) << "the simulator's own limit was never hit";
  EXPECT_EQ(house.Refusals("BDC_1322"), 0);
  EXPECT_THAT(callers.refusals(), Each(::testing::Le(1))) << "no caller had to retry twice";
  for (int n = 0; n < 500; ++n) {
    // The retry times of callers are spread over ten seconds, which only changes their order
    // within an hour.
    EXPECT_EQ(callers.order()[n] / 196, n / 196) << n;
  }
}

TEST(SessionManagerBudgetTest, KeepsPlaceForCallerThatComesBack) {
  SessionManagerOptions options = WithoutKeepAlive();
  options.sign_in.sign_ins_per_hour = 1;
  ModelHouse house({.organizations = 2}, options);
  absl::Status refused;
  house.manager.GetSession(billsim::GeneratedOrganizationId(0), "", {}, [](const Answer&) {});
  house.manager.GetSession(billsim::GeneratedOrganizationId(1), "", {},
                           [&refused](const Answer& answer) { refused = answer.status(); });
  ASSERT_THAT(refused, HasReason(Reason::kLoginBudgetSpent));
  house.executor.Advance(RetryAfter(refused));
  EXPECT_EQ(house.SignIns(), 1) << "no caller waits";
  Answer answer = absl::UnknownError("not answered");
  house.manager.GetSession(billsim::GeneratedOrganizationId(1), "", {},
                           [&answer](Answer given) { answer = std::move(given); });
  house.executor.Advance(absl::Seconds(1));
  EXPECT_THAT(answer, IsOk());
  EXPECT_EQ(house.SignIns(), 2);
}

TEST(SessionManagerBudgetTest, CallerThatLeavesDoesNotTakeAnotherOnesPlace) {
  SessionManagerOptions options = WithoutKeepAlive();
  options.sign_in.sign_ins_per_hour = 1;
  ModelHouse house({.organizations = 3}, options);
  absl::Status refused;
  const auto refuse = [&refused](const Answer& answer) { refused = answer.status(); };
  house.manager.GetSession(billsim::GeneratedOrganizationId(0), "", {}, [](const Answer&) {});
  house.manager.GetSession(billsim::GeneratedOrganizationId(1), "", {}, refuse);
  ASSERT_THAT(refused, HasReason(Reason::kLoginBudgetSpent));
  SessionDemand patient;
  patient.patience = absl::Hours(2);
  const auto leaves = house.manager.GetSession(billsim::GeneratedOrganizationId(1), "", patient,
                                               [](const Answer&) {});
  ASSERT_TRUE(leaves.has_value());
  house.manager.Cancel(*leaves);
  EXPECT_EQ(house.manager.Counts().queued, 1) << "the place of the caller that was refused";

  house.manager.GetSession(billsim::GeneratedOrganizationId(2), "", {}, refuse);
  ASSERT_THAT(refused, HasReason(Reason::kLoginBudgetSpent));
  EXPECT_GT(RetryAfter(refused), absl::Hours(2)) << "its turn comes after that caller's";
}

TEST(SessionManagerBudgetTest, CountsSignInForAnHourFromItsEnd) {
  SessionManagerOptions options;
  options.sign_in.sign_ins_per_hour = 1;
  ModelHouse house({.organizations = 2}, options, {}, absl::Minutes(4));
  house.manager.GetSession(billsim::GeneratedOrganizationId(0), "", {}, [](const Answer&) {});
  house.executor.Advance(absl::Minutes(4));
  absl::Status refused;
  house.manager.GetSession(billsim::GeneratedOrganizationId(1), "", {},
                           [&refused](const Answer& answer) { refused = answer.status(); });
  ASSERT_THAT(refused, HasReason(Reason::kLoginBudgetSpent));
  EXPECT_THAT(refused, HasRetryAfter(::testing::AllOf(::testing::Ge(absl::Hours(1)),
                                                      ::testing::Le(absl::Minutes(61)))));
}

TEST(SessionManagerBudgetTest, PatientCallerWaitsForItsTurn) {
  SessionManagerOptions options;
  options.sign_in.sign_ins_per_hour = 1;
  ModelHouse house({.organizations = 2}, options);
  house.manager.GetSession(billsim::GeneratedOrganizationId(0), "", {}, [](const Answer&) {});
  Answer answer = absl::UnknownError("not answered");
  SessionDemand patient;
  patient.patience = absl::Hours(2);
  house.manager.GetSession(billsim::GeneratedOrganizationId(1), "", patient,
                           [&answer](Answer given) { answer = std::move(given); });
  house.executor.Advance(absl::Minutes(59));
  EXPECT_THAT(answer, StatusIs(absl::StatusCode::kUnknown));
  house.executor.Advance(absl::Minutes(2));
  EXPECT_THAT(answer, IsOk());
}

TEST(SessionManagerBudgetTest, HourlyLimitOfBillParksDevKey) {
  billsim::Settings settings;
  settings.sign_ins_per_hour = 5;  // another program uses the devKey too
  settings.failed_sign_ins_use_window = false;
  ModelHouse house({.organizations = 20, .users = 1, .dev_keys = 1}, {}, settings);
  std::map<Reason, int> refusals;
  for (int n = 0; n < 20; ++n) {
    house.manager.GetSession(billsim::GeneratedOrganizationId(n), "", {},
                             [&refusals](const Answer& answer) {
                               if (!answer.ok()) ++refusals[DetailsOf(answer.status())->reason];
                             });
  }
  house.executor.Advance(absl::Seconds(29));
  EXPECT_EQ(refusals[Reason::kBillRateLimited], 15);
  EXPECT_LE(house.Refusals("BDC_1144"), 3) << "sign-ins that were already under way";
  EXPECT_EQ(house.manager.Counts().queued, 15) << "the callers keep their places";
  const std::int64_t before = house.Refusals("BDC_1144");
  // The wall clock starts at 08:00 UTC, so the devKey is parked until 09:00.
  house.executor.Advance(absl::Minutes(55));
  EXPECT_EQ(house.Refusals("BDC_1144"), before);
}

TEST(SessionManagerBudgetTest, TenThousandCallersShareOneSignIn) {
  ModelHouse house({.organizations = 1});
  int served = 0;
  for (int i = 0; i < 10'000; ++i) {
    house.manager.GetSession(billsim::GeneratedOrganizationId(0), "", {},
                             [&served](const Answer& answer) { served += answer.ok() ? 1 : 0; });
  }
  house.executor.Advance(absl::Seconds(1));
  EXPECT_EQ(served, 10'000);
  EXPECT_EQ(house.SignIns(), 1);
}

TEST(SessionManagerBudgetTest, HundredOrganizationsCostHundredSignIns) {
  ModelHouse house({.organizations = 100, .users = 10});
  int served = 0;
  for (int i = 0; i < 10'000; ++i) {
    house.manager.GetSession(billsim::GeneratedOrganizationId(i % 100), "", {},
                             [&served](const Answer& answer) { served += answer.ok() ? 1 : 0; });
  }
  house.executor.Advance(absl::Seconds(29));
  EXPECT_EQ(served, 10'000);
  EXPECT_EQ(house.SignIns(), 100);
}

TEST(SessionManagerBudgetTest, ReportsOfDeadSessionShareCheckAndSignIn) {
  ModelHouse house({.organizations = 1});
  const std::string organization = billsim::GeneratedOrganizationId(0);
  SessionPtr first;
  house.manager.GetSession(organization, "", {}, [&first](const Answer& got) { first = *got; });
  house.executor.Advance(absl::Minutes(2));
  house.model.ExpireSessionsOf(organization);
  SessionDemand report;
  report.stale_generation = first->generation;
  int served = 0;
  const auto count = [&](const Answer& got) {
    served += got.ok() && (*got)->generation > first->generation ? 1 : 0;
  };
  for (int i = 0; i < 1000; ++i) house.manager.GetSession(organization, "", report, count);
  house.executor.Advance(absl::Seconds(5));
  EXPECT_EQ(served, 1000);
  EXPECT_EQ(house.Checks(), 1);
  EXPECT_EQ(house.SignIns(), 2);
  // Late reports of the old session get the new one without a call to BILL.
  for (int i = 0; i < 1000; ++i) house.manager.GetSession(organization, "", report, count);
  EXPECT_EQ(served, 2000);
  EXPECT_EQ(house.Checks(), 1);
  EXPECT_EQ(house.SignIns(), 2);
}

}  // namespace
}  // namespace billbroker
