#include "server/session/rules/dev_key_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/session/rules/sample_candidate.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Blocks = RuleAnswer::Blocks;
using Kind = RuleAnswer::Kind;

constexpr char kOtherPrincipal[] = "unix:another-principal";

SignInCandidate ForPurpose(SignInPurpose purpose) {
  SignInCandidate candidate = SampleCandidate();
  candidate.purpose = purpose;
  return candidate;
}

// With 20 sign-ins an hour: 18 for all, 1 for callers in need and 1 for proofs.
class DevKeyBudgetTest : public ::testing::Test {
 protected:
  static DevKeyLimits TwentyAnHour() {
    DevKeyBudgetOptions options;
    options.sign_ins_per_hour = 20;
    return DevKeyLimits(options);
  }

  bool Goes(SignInPurpose purpose) { return budget.Check(ForPurpose(purpose), now).ok(); }
  void Start(const SignInCandidate& candidate) {
    shares.Started(candidate, now);
    budget.Started(candidate, now);
  }
  void End(const SignInCandidate& candidate, const SignInOutcome& outcome = AcceptedOutcome()) {
    shares.Ended(candidate, outcome, now);
    budget.Ended(candidate, outcome, now);
  }
  // Starts sign-ins for as long as the budget allows it, and returns their number.
  int SpendAll(const SignInCandidate& candidate) {
    constexpr int kMany = 1000;
    int spent = 0;
    while (spent < kMany && budget.Check(candidate, now).ok()) {
      Start(candidate);
      End(candidate);
      ++spent;
    }
    return spent;
  }
  void Spend(int count) {
    for (int i = 0; i < count; ++i) {
      Start(SampleCandidate());
      End(SampleCandidate());
    }
  }

  const DevKeyBudgetId dev_key = SampleCandidate().dev_key;
  absl::Duration now = absl::Hours(50);
  FixedRandom random{0};
  FairShare shares{TwentyAnHour(), random};
  DevKeyBudget budget{TwentyAnHour(), shares, random};
};

TEST_F(DevKeyBudgetTest, LimitsSignInsOfTheLastHour) {
  EXPECT_EQ(SpendAll(ForPurpose(SignInPurpose::kProof)), 20);
  const RuleAnswer answer = budget.Check(SampleCandidate(), now);
  EXPECT_EQ(answer.kind(), Kind::kWait);
  now += absl::Hours(1) - absl::Milliseconds(1);
  EXPECT_FALSE(Goes(SignInPurpose::kProof));
  now += absl::Milliseconds(1);
  EXPECT_TRUE(Goes(SignInPurpose::kProof));
}

TEST_F(DevKeyBudgetTest, CountsFromTheEndOfEachSignIn) {
  for (int i = 0; i < 20; ++i) Start(SampleCandidate());
  now += absl::Hours(2);
  const RuleAnswer answer = budget.Check(SampleCandidate(), now);
  EXPECT_EQ(answer.until(), absl::InfiniteDuration()) << "no sign-in has ended";
  for (int i = 0; i < 20; ++i) End(SampleCandidate());
  EXPECT_EQ(budget.Check(ForPurpose(SignInPurpose::kProof), now).until(), now + absl::Hours(1));
}

TEST_F(DevKeyBudgetTest, ReleasedAndUnchargedSignInsAreNotSpent) {
  SignInOutcome not_charged;
  not_charged.charged = false;
  Spend(19);
  Start(SampleCandidate());
  budget.Released(SampleCandidate(), now);
  EXPECT_TRUE(Goes(SignInPurpose::kProof));
  Start(SampleCandidate());
  End(SampleCandidate(), not_charged);
  EXPECT_TRUE(Goes(SignInPurpose::kProof));
}

TEST_F(DevKeyBudgetTest, LastOfTheReserveIsForProofsAlone) {
  EXPECT_EQ(SpendAll(ForPurpose(SignInPurpose::kPrewarm)), 18);
  EXPECT_FALSE(Goes(SignInPurpose::kWarm));
  EXPECT_EQ(SpendAll(ForPurpose(SignInPurpose::kCaller)), 1);
  EXPECT_EQ(SpendAll(ForPurpose(SignInPurpose::kProof)), 1);
}

TEST_F(DevKeyBudgetTest, ReserveIsClosedToPrincipalsAtTheirShare) {
  SignInCandidate other = SampleCandidate();
  other.principal = kOtherPrincipal;
  Start(other);
  End(other);
  EXPECT_EQ(SpendAll(SampleCandidate()), 17) << "of 18 that are not reserved";
  budget.Joined(SampleCandidate(), now);
  EXPECT_EQ(budget.Check(SampleCandidate(), now).blocks(), Blocks::kPrincipalOnDevKey);
  EXPECT_EQ(SpendAll(other), 1);
}

TEST_F(DevKeyBudgetTest, ReserveIsOpenIfNobodyIsCharged) {
  SignInCandidate unnamed = SampleCandidate();
  unnamed.principal.clear();
  EXPECT_EQ(SpendAll(unnamed), 19);
}

TEST_F(DevKeyBudgetTest, WarmSignInsLeavePlacesForQueuedCallers) {
  Spend(16);
  budget.Joined(ForPurpose(SignInPurpose::kCaller), now);
  EXPECT_TRUE(Goes(SignInPurpose::kWarm));
  budget.Joined(ForPurpose(SignInPurpose::kProof), now);
  EXPECT_FALSE(Goes(SignInPurpose::kWarm));
  EXPECT_TRUE(Goes(SignInPurpose::kCaller));
  budget.Left(ForPurpose(SignInPurpose::kProof), now);
  EXPECT_TRUE(Goes(SignInPurpose::kPrewarm));
}

// The scheduler may ask a warm watch before the callers of another user, or a caller before the
// proof of another user.
TEST_F(DevKeyBudgetTest, DoesNotBlockQueuedCandidatesThatMayGo) {
  Spend(18);
  const auto blocks = [this](SignInPurpose purpose) {
    const RuleAnswer answer = budget.Check(ForPurpose(purpose), now);
    EXPECT_EQ(answer.kind(), Kind::kWait);
    return answer.blocks();
  };
  EXPECT_EQ(blocks(SignInPurpose::kWarm), Blocks::kDevKey);
  budget.Joined(ForPurpose(SignInPurpose::kCaller), now);
  EXPECT_EQ(blocks(SignInPurpose::kWarm), Blocks::kPrincipalOnDevKey);
  EXPECT_TRUE(Goes(SignInPurpose::kCaller));
  Spend(1);
  EXPECT_EQ(blocks(SignInPurpose::kCaller), Blocks::kDevKey);
  budget.Joined(ForPurpose(SignInPurpose::kProof), now);
  EXPECT_EQ(blocks(SignInPurpose::kCaller), Blocks::kPrincipalOnDevKey);
  EXPECT_TRUE(Goes(SignInPurpose::kProof));
}

TEST_F(DevKeyBudgetTest, DevKeysAndEnvironmentsAreIndependent) {
  Spend(20);
  SignInCandidate other = SampleCandidate();
  other.dev_key.dev_key_id = "dev-key-fingerprint-of-another";
  EXPECT_TRUE(budget.Check(other, now).ok());
  other = SampleCandidate();
  other.dev_key.environment = "production";
  EXPECT_TRUE(budget.Check(other, now).ok());
}

TEST_F(DevKeyBudgetTest, CountsSignInsBeforeRestart) {
  for (int i = 19; i >= 0; --i) budget.Restore(dev_key, now - absl::Minutes(10 + i));
  const RuleAnswer answer = budget.Check(SampleCandidate(), now);
  EXPECT_EQ(answer.until(), now + absl::Minutes(32)) << "two of 20 have to be forgotten";
  EXPECT_EQ(answer.blocks(), Blocks::kDevKey);
}

TEST_F(DevKeyBudgetTest, ExplainsTheTimeToWait) {
  Spend(20);
  now += absl::Minutes(20);
  EXPECT_THAT(
      budget.Explain(SampleCandidate(), now),
      AllOf(HasReason(Reason::kLoginBudgetSpent), HasMetadata("credential", kAcme),
            HasMetadata("organization_id", kFirstOrganization), HasRetryAfter(absl::Minutes(40))));
}

TEST_F(DevKeyBudgetTest, EstimatesTheTurnOfACaller) {
  Spend(9);
  now += absl::Minutes(10);
  Spend(8);
  EXPECT_EQ(budget.TurnOf(dev_key, 0, now), now);
  EXPECT_EQ(budget.TurnOf(dev_key, 1, now), now) << "callers may use 19";
  EXPECT_EQ(budget.TurnOf(dev_key, 2, now), now + absl::Minutes(50));
  EXPECT_EQ(budget.TurnOf(dev_key, 10, now), now + absl::Minutes(50));
  EXPECT_EQ(budget.TurnOf(dev_key, 11, now), now + absl::Hours(1));
  EXPECT_GE(budget.TurnOf(dev_key, 19, now), now + absl::Hours(1));
  EXPECT_GE(budget.TurnOf(dev_key, 2 + 19, now), now + absl::Minutes(110));
}

TEST_F(DevKeyBudgetTest, TurnWaitsForSignInsUnderWay) {
  for (int i = 0; i < 19; ++i) Start(SampleCandidate());
  EXPECT_GT(budget.TurnOf(dev_key, 0, now), now + absl::Hours(1));
  EXPECT_LT(budget.TurnOf(dev_key, 0, now), now + absl::Hours(1) + absl::Minutes(1));
}

TEST_F(DevKeyBudgetTest, SuspensionHoldsUpEverySignIn) {
  const absl::Duration until = now + absl::Minutes(25);
  budget.Suspend(dev_key, until);
  for (const SignInPurpose purpose : {SignInPurpose::kProof, SignInPurpose::kCaller,
                                      SignInPurpose::kWarm, SignInPurpose::kPrewarm}) {
    const RuleAnswer answer = budget.Check(ForPurpose(purpose), now);
    EXPECT_EQ(answer.kind(), Kind::kWait) << "a refusal would lose the place in the queue";
    EXPECT_EQ(answer.until(), until);
    EXPECT_EQ(answer.blocks(), Blocks::kDevKey);
  }
  EXPECT_EQ(budget.TurnOf(dev_key, 0, now), until);
  EXPECT_EQ(budget.SuspendedUntil(dev_key), until);
  now = until;
  EXPECT_TRUE(Goes(SignInPurpose::kPrewarm));
}

TEST_F(DevKeyBudgetTest, SuspensionIsNeverShortened) {
  budget.Suspend(dev_key, now + absl::Minutes(25));
  budget.Suspend(dev_key, now + absl::Minutes(1));
  EXPECT_EQ(budget.SuspendedUntil(dev_key), now + absl::Minutes(25));
  budget.SuspendChecks(dev_key, now + absl::Minutes(20));
  budget.SuspendChecks(dev_key, now + absl::Minutes(1));
  EXPECT_EQ(budget.ChecksSuspendedUntil(dev_key), now + absl::Minutes(20));
}

TEST_F(DevKeyBudgetTest, SuspendedSignInsDoNotSuspendChecks) {
  budget.Suspend(dev_key, now + absl::Minutes(25));
  EXPECT_LT(budget.ChecksSuspendedUntil(dev_key), now);
}

TEST_F(DevKeyBudgetTest, ExplainsASuspensionAsRateLimit) {
  budget.Suspend(dev_key, now + absl::Minutes(25));
  EXPECT_THAT(
      budget.Explain(SampleCandidate(), now),
      AllOf(HasReason(Reason::kBillRateLimited), HasMetadata("bill_code", "BDC_1144"),
            HasMetadata("organization_id", kFirstOrganization), HasRetryAfter(absl::Minutes(25))));
  EXPECT_THAT(budget.ExplainTurn(SampleCandidate(), now + absl::Hours(5), now),
              AllOf(HasReason(Reason::kLoginBudgetSpent), HasRetryAfter(absl::Hours(5))))
      << "the budget is spent for longer than the suspension";
}

TEST_F(DevKeyBudgetTest, ShowsDevKeysInUseInOrder) {
  const auto none_queued = [](const DevKeyBudgetId&) { return 0; };
  EXPECT_THAT(budget.Uses(now, none_queued), IsEmpty());
  const DevKeyBudgetId suspended = {"production", "dev-key-fingerprint-suspended"};
  budget.Suspend(suspended, now + absl::Minutes(5));
  Start(SampleCandidate());
  Spend(3);
  const auto two_queued = [this](const DevKeyBudgetId& id) { return id == dev_key ? 2 : 0; };
  const auto is_use = [](const DevKeyBudgetId& id, int used, int queued) {
    return AllOf(::testing::Field(&DevKeyUse::dev_key, id), ::testing::Field(&DevKeyUse::limit, 20),
                 ::testing::Field(&DevKeyUse::used, used),
                 ::testing::Field(&DevKeyUse::queued, queued));
  };
  EXPECT_THAT(budget.Uses(now, two_queued),
              ElementsAre(is_use(suspended, 0, 0), is_use(dev_key, 4, 2)));
  EXPECT_EQ(budget.Uses(now, none_queued).front().suspended_until, now + absl::Minutes(5));
}

TEST_F(DevKeyBudgetTest, ShowsUnusedDevKeyWithClaims) {
  budget.Joined(SampleCandidate(), now);
  budget.Left(SampleCandidate(), now);
  const auto one_queued = [](const DevKeyBudgetId&) { return 1; };
  ASSERT_EQ(budget.Uses(now, one_queued).size(), 1U);
  EXPECT_EQ(budget.Uses(now, one_queued).front().queued, 1);
}

// The time at BILL, as minutes and seconds of the hour, and the suspension.
struct HourCase {
  absl::Duration into_hour;
  absl::Duration shortest;
  absl::Duration longest;
};

class SuspensionTimeTest : public ::testing::TestWithParam<HourCase> {};

TEST_P(SuspensionTimeTest, EndsWithTheHourOfBillsClock) {
  const absl::Time time = absl::FromUnixSeconds(500'000 * 3600) + GetParam().into_hour;
  FixedRandom lowest(0);
  FixedRandom highest(1);
  EXPECT_EQ(SuspensionTime(absl::nullopt, time, lowest), GetParam().shortest);
  EXPECT_EQ(SuspensionTime(absl::nullopt, time, highest), GetParam().longest);
}

INSTANTIATE_TEST_SUITE_P(
    Times, SuspensionTimeTest,
    ::testing::Values(HourCase{absl::Minutes(20), absl::Minutes(40) + absl::Seconds(5),
                               absl::Minutes(40) + absl::Seconds(30)},
                      HourCase{absl::Minutes(1), absl::Minutes(59) + absl::Seconds(5),
                               absl::Minutes(59) + absl::Seconds(30)},
                      HourCase{absl::Seconds(59), absl::Seconds(60), absl::Seconds(85)},
                      HourCase{absl::ZeroDuration(), absl::Seconds(60), absl::Seconds(85)},
                      HourCase{absl::Minutes(59) + absl::Seconds(59), absl::Seconds(6),
                               absl::Seconds(31)}));

TEST(RetryAfterTest, EndsTheSuspension) {
  FixedRandom highest(1);
  EXPECT_EQ(SuspensionTime(absl::Seconds(90), absl::UnixEpoch(), highest), absl::Seconds(90));
  EXPECT_EQ(SuspensionTime(absl::ZeroDuration(), absl::UnixEpoch(), highest), absl::Seconds(1));
}

}  // namespace
}  // namespace billbroker
