#include "server/session/rules/circuit_breaker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/session/rules/sample_candidate.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = RuleAnswer::Kind;

constexpr char kCircuit[] = "sandbox";

class CircuitBreakerTest : public ::testing::Test {
 protected:
  // Returns a candidate of one of several organizations, of one of several users.
  static SignInCandidate Of(int organization, int user = 0) {
    SignInCandidate candidate = SampleCandidate(absl::StrCat("0080000000000000000", organization));
    candidate.user.username = absl::StrCat("user-number-", user, "@acme.example");
    return candidate;
  }
  static SignInOutcome Transient() {
    SignInOutcome outcome;
    outcome.transient = true;
    return outcome;
  }
  // Returns the outcome of BDC_1144, 1322, 1570 and of a bare 429.
  static SignInOutcome Limited() { return {}; }

  Kind Ask(const SignInCandidate& candidate) { return breaker.Check(candidate, now).kind(); }
  void Try(const SignInCandidate& candidate, const SignInOutcome& outcome) {
    breaker.Started(candidate, now);
    breaker.Ended(candidate, outcome, now);
  }
  // Opens the circuit by transient sign-ins of organizations 0 to 4 and two users.
  void Open() {
    for (int i = 0; i < 5; ++i) Try(Of(i, i % 2), Transient());
    ASSERT_TRUE(breaker.IsOpen(kCircuit));
  }
  // Waits for the next health request, and answers it.
  void Look(bool good) {
    const absl::optional<absl::Duration> next = breaker.NextLook(kCircuit);
    ASSERT_TRUE(next.has_value());
    now = *next;
    breaker.LookStarted(kCircuit, now);
    breaker.LookAnswered(kCircuit, good, now);
  }

  absl::Duration now = absl::Hours(50);
  FixedRandom random{0.5};  // no jitter of looks
  CircuitBreaker breaker{random};
};

TEST_F(CircuitBreakerTest, OpensAfterFiveTransientSignInsInARow) {
  for (int i = 0; i < 4; ++i) Try(Of(i, i % 2), Transient());
  EXPECT_FALSE(breaker.IsOpen(kCircuit));
  EXPECT_EQ(Ask(Of(7)), Kind::kGo);
  Try(Of(4), Transient());
  EXPECT_TRUE(breaker.IsOpen(kCircuit));
  EXPECT_EQ(Ask(Of(7)), Kind::kRefuse);
}

TEST_F(CircuitBreakerTest, JudgedSignInStartsTheCountAgain) {
  for (int i = 0; i < 4; ++i) Try(Of(i, i % 2), Transient());
  Try(Of(5), SecretRefusedOutcome());
  for (int i = 0; i < 4; ++i) Try(Of(i, i % 2), Transient());
  EXPECT_FALSE(breaker.IsOpen(kCircuit));
}

TEST_F(CircuitBreakerTest, LimitsNeitherCountNorStartTheCountAgain) {
  for (int i = 0; i < 100; ++i) Try(Of(i, i % 2), Limited());
  EXPECT_FALSE(breaker.IsOpen(kCircuit));
  for (int i = 0; i < 4; ++i) Try(Of(i, i % 2), Transient());
  Try(Of(5), Limited());
  Try(Of(4), Transient());
  EXPECT_TRUE(breaker.IsOpen(kCircuit));
}

TEST_F(CircuitBreakerTest, FirstOfFiveIsAtMostFiveMinutesAgo) {
  Try(Of(0, 0), Transient());
  now += absl::Minutes(5) + absl::Milliseconds(1);
  for (int i = 1; i < 5; ++i) Try(Of(i, i % 2), Transient());
  EXPECT_FALSE(breaker.IsOpen(kCircuit));
  now += absl::Minutes(5);
  Try(Of(5), Transient());
  EXPECT_TRUE(breaker.IsOpen(kCircuit));
}

TEST_F(CircuitBreakerTest, StaysClosedForTwoOrganizationsOfMore) {
  Try(Of(9, 9), AcceptedOutcome());
  for (int i = 0; i < 20; ++i) Try(Of(i % 2, i % 2), Transient());
  EXPECT_FALSE(breaker.IsOpen(kCircuit)) << "a third one tried within 5 minutes";
  now += absl::Minutes(4);
  Try(Of(2, 1), Transient());
  EXPECT_TRUE(breaker.IsOpen(kCircuit));
}

TEST_F(CircuitBreakerTest, StaysClosedForOneUserOfSeveral) {
  Try(Of(9, 9), AcceptedOutcome());
  for (int i = 0; i < 20; ++i) Try(Of(i, 1), Transient());
  EXPECT_FALSE(breaker.IsOpen(kCircuit));
  Try(Of(0, 2), Transient());
  EXPECT_TRUE(breaker.IsOpen(kCircuit));
}

TEST_F(CircuitBreakerTest, OneOrganizationOpensIfNoOtherTried) {
  Try(Of(9, 9), AcceptedOutcome());
  now += absl::Minutes(5) + absl::Milliseconds(1);
  for (int i = 0; i < 5; ++i) Try(Of(0, 0), Transient());
  EXPECT_TRUE(breaker.IsOpen(kCircuit));
}

TEST_F(CircuitBreakerTest, ReleasedSignInIsNotATry) {
  breaker.Started(Of(9, 9), now);
  breaker.Released(Of(9, 9), now);
  for (int i = 0; i < 5; ++i) Try(Of(0, 0), Transient());
  EXPECT_TRUE(breaker.IsOpen(kCircuit));
}

TEST_F(CircuitBreakerTest, EnvironmentsAreIndependent) {
  Open();
  SignInCandidate other = Of(0);
  other.user.environment = "production";
  EXPECT_EQ(Ask(other), Kind::kGo);
  EXPECT_FALSE(breaker.IsOpen("production"));
  EXPECT_FALSE(breaker.NextLook("production").has_value());
}

TEST_F(CircuitBreakerTest, LooksAtDoublingIntervalsUpToAMinute) {
  Open();
  for (const int seconds : {1, 2, 4, 8, 16, 32, 60, 60}) {
    EXPECT_EQ(breaker.NextLook(kCircuit), now + absl::Seconds(seconds));
    Look(false);
  }
}

TEST_F(CircuitBreakerTest, LooksHaveJitterOfAFifth) {
  for (const double uniform : {0.0, 1.0}) {
    FixedRandom extreme(uniform);
    CircuitBreaker other(extreme);
    for (int i = 0; i < 5; ++i) {
      other.Started(Of(i, i % 2), now);
      other.Ended(Of(i, i % 2), Transient(), now);
    }
    EXPECT_EQ(other.NextLook(kCircuit), now + absl::Seconds(uniform == 0 ? 0.8 : 1.2));
  }
}

TEST_F(CircuitBreakerTest, ReturnsTheLooksThatAreDue) {
  EXPECT_EQ(breaker.NextLook(), absl::InfiniteDuration());
  Open();
  EXPECT_EQ(breaker.NextLook(), now + absl::Seconds(1));
  EXPECT_THAT(breaker.LooksDue(now), IsEmpty());
  now += absl::Seconds(1);
  EXPECT_THAT(breaker.LooksDue(now), ElementsAre(kCircuit));
  breaker.LookStarted(kCircuit, now);
  EXPECT_THAT(breaker.LooksDue(now), IsEmpty()) << "it is under way";
  EXPECT_FALSE(breaker.NextLook(kCircuit).has_value());
}

TEST_F(CircuitBreakerTest, RefusesWithTheTimeOfTheNextLook) {
  Open();
  Look(false);
  FixedRandom lowest(0);
  const absl::Status error = breaker.Explain(Of(7), now);
  EXPECT_THAT(error, AllOf(HasReason(Reason::kBillUnavailable), HasMetadata("credential", kAcme),
                           HasRetryAfter(::testing::Ge(absl::Seconds(2))),
                           HasRetryAfter(::testing::Le(absl::Seconds(2.2)))));
  now += absl::Seconds(2);
  breaker.LookStarted(kCircuit, now);
  EXPECT_THAT(breaker.Explain(Of(7), now), HasRetryAfter(::testing::Ge(absl::Seconds(4))))
      << "the look under way may fail";
}

TEST_F(CircuitBreakerTest, WarmSignInsKeepTheirPlaces) {
  Open();
  SignInCandidate warm = Of(7);
  warm.purpose = SignInPurpose::kWarm;
  const RuleAnswer answer = breaker.Check(warm, now);
  EXPECT_EQ(answer.kind(), Kind::kWait);
  EXPECT_EQ(answer.blocks(), RuleAnswer::Blocks::kEnvironment);
}

TEST_F(CircuitBreakerTest, GoodLookAllowsOneTrial) {
  Open();
  Look(true);
  EXPECT_FALSE(breaker.NextLook(kCircuit).has_value()) << "the trial is next";
  EXPECT_EQ(Ask(Of(7)), Kind::kGo);
  breaker.Started(Of(7), now);
  EXPECT_EQ(breaker.Check(Of(8), now).kind(), Kind::kWait);
  EXPECT_EQ(breaker.Check(Of(8), now).blocks(), RuleAnswer::Blocks::kEnvironment);
  breaker.Ended(Of(7), AcceptedOutcome(), now);
  EXPECT_FALSE(breaker.IsOpen(kCircuit));
  EXPECT_EQ(Ask(Of(8)), Kind::kGo);
}

TEST_F(CircuitBreakerTest, RefusedTrialClosesTheCircuit) {
  Open();
  Look(true);
  Try(Of(7), SecretRefusedOutcome());
  EXPECT_FALSE(breaker.IsOpen(kCircuit));
}

TEST_F(CircuitBreakerTest, TransientTrialNeedsAnotherGoodLook) {
  Open();
  Look(true);
  Try(Of(7), Transient());
  EXPECT_TRUE(breaker.IsOpen(kCircuit));
  EXPECT_EQ(Ask(Of(8)), Kind::kRefuse);
  EXPECT_EQ(breaker.NextLook(kCircuit), now + absl::Seconds(2)) << "the intervals grow on";
  Look(false);
  EXPECT_EQ(Ask(Of(8)), Kind::kRefuse);
  Look(true);
  EXPECT_EQ(Ask(Of(8)), Kind::kGo);
}

TEST_F(CircuitBreakerTest, NextLookIsPlannedAfterTheTrial) {
  Open();
  Look(true);
  breaker.Started(Of(7), now);
  now += absl::Seconds(30);
  breaker.Ended(Of(7), Transient(), now);
  EXPECT_EQ(breaker.NextLook(kCircuit), now + absl::Seconds(2));
}

TEST_F(CircuitBreakerTest, LimitedTrialDoesNotCloseTheCircuit) {
  Open();
  Look(true);
  Try(Of(7), Limited());
  EXPECT_TRUE(breaker.IsOpen(kCircuit));
  EXPECT_EQ(Ask(Of(8)), Kind::kRefuse);
}

TEST_F(CircuitBreakerTest, ReleasedTrialGoesToAnother) {
  Open();
  Look(true);
  breaker.Started(Of(7), now);
  breaker.Released(Of(7), now);
  EXPECT_EQ(Ask(Of(8)), Kind::kGo);
}

TEST_F(CircuitBreakerTest, TrialGoesAfterFiveMinutesWithoutAGoodLook) {
  Open();
  const absl::Duration opened = now;
  while (breaker.NextLook() < opened + absl::Minutes(5)) {
    Look(false);
    EXPECT_EQ(Ask(Of(7)), Kind::kRefuse);
  }
  now = opened + absl::Minutes(5) - absl::Milliseconds(1);
  EXPECT_EQ(Ask(Of(7)), Kind::kRefuse);
  now += absl::Milliseconds(1);
  EXPECT_EQ(Ask(Of(7)), Kind::kGo);
  Try(Of(7), Transient());
  EXPECT_EQ(Ask(Of(8)), Kind::kRefuse);
  now += absl::Minutes(5);
  EXPECT_EQ(Ask(Of(8)), Kind::kGo);
}

TEST_F(CircuitBreakerTest, TrialGoesAlthoughALookHangs) {
  Open();
  now += absl::Seconds(1);
  breaker.LookStarted(kCircuit, now);
  now += absl::Minutes(5);
  EXPECT_EQ(Ask(Of(7)), Kind::kGo);
}

TEST_F(CircuitBreakerTest, EachTrialIsOfAnotherOrganizationIfOneWaits) {
  Open();
  for (const int organization : {0, 1, 2}) breaker.Joined(Of(organization), now);
  for (const int expected : {0, 1, 2, 0, 1, 2}) {
    Look(true);
    for (const int organization : {0, 1, 2}) {
      if (Ask(Of(organization)) != Kind::kGo) continue;
      EXPECT_EQ(organization, expected);
      breaker.Left(Of(organization), now);
      Try(Of(organization), Transient());
      breaker.Joined(Of(organization), now);
      break;
    }
  }
}

TEST_F(CircuitBreakerTest, SameOrganizationIsTriedIfNoOtherWaits) {
  Open();
  Look(true);
  Try(Of(7), Transient());
  Look(true);
  breaker.Joined(Of(7), now);
  EXPECT_EQ(Ask(Of(7)), Kind::kGo);
}

TEST_F(CircuitBreakerTest, TrialDoesNotWaitForeverForAnotherOrganization) {
  Open();
  Look(true);
  Try(Of(7), Transient());
  breaker.Joined(Of(7), now);
  breaker.Joined(Of(8), now);  // held up by another rule
  Look(true);
  const RuleAnswer answer = breaker.Check(Of(7), now);
  ASSERT_EQ(answer.kind(), Kind::kWait);
  EXPECT_EQ(answer.blocks(), RuleAnswer::Blocks::kThisOne);
  now = answer.until();
  EXPECT_EQ(Ask(Of(7)), Kind::kGo);
}

TEST_F(CircuitBreakerTest, JudgedSignInOfBeforeTheOutageCloses) {
  breaker.Started(Of(9, 1), now);
  for (int i = 0; i < 5; ++i) Try(Of(i, i % 2), Transient());
  ASSERT_TRUE(breaker.IsOpen(kCircuit));
  breaker.Ended(Of(9, 1), AcceptedOutcome(), now);
  EXPECT_FALSE(breaker.IsOpen(kCircuit));
}

TEST_F(CircuitBreakerTest, ClosedCircuitCountsFromZero) {
  Open();
  Look(true);
  Try(Of(7), AcceptedOutcome());
  for (int i = 0; i < 4; ++i) Try(Of(i, i % 2), Transient());
  EXPECT_FALSE(breaker.IsOpen(kCircuit));
  Open();
  EXPECT_EQ(breaker.NextLook(kCircuit), now + absl::Seconds(1));
}

TEST_F(CircuitBreakerTest, LateAnswerToALookIsIgnored) {
  Open();
  now += absl::Seconds(1);
  breaker.LookStarted(kCircuit, now);
  now += absl::Minutes(5);
  Try(Of(7), AcceptedOutcome());
  breaker.LookAnswered(kCircuit, true, now);
  EXPECT_FALSE(breaker.IsOpen(kCircuit));
  Open();
  EXPECT_EQ(Ask(Of(8)), Kind::kRefuse);
}

}  // namespace
}  // namespace billbroker
