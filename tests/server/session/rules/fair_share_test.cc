#include "server/session/rules/fair_share.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/session/rules/sample_candidate.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using Kind = RuleAnswer::Kind;

constexpr char kGreedy[] = "unix:the-greedy-principal";
constexpr char kModest[] = "unix:the-modest-principal";
constexpr char kThird[] = "unix:the-third-principal";

class FairShareTest : public ::testing::Test {
 protected:
  static DevKeyLimits TenAnHour() {
    DevKeyBudgetOptions options;
    options.sign_ins_per_hour = 10;
    return DevKeyLimits(options);
  }
  static SignInCandidate Of(absl::string_view principal) {
    SignInCandidate candidate = SampleCandidate();
    candidate.principal = std::string(principal);
    return candidate;
  }

  Kind Ask(absl::string_view principal) { return shares.Check(Of(principal), now).kind(); }
  void Spend(absl::string_view principal, int count = 1) {
    for (int i = 0; i < count; ++i) {
      shares.Started(Of(principal), now);
      shares.Ended(Of(principal), AcceptedOutcome(), now);
    }
  }
  void Waits(absl::string_view principal) { shares.Waits(dev_key, principal, now); }
  void StopsWaiting(absl::string_view principal) { shares.StopsWaiting(dev_key, principal, now); }

  const DevKeyBudgetId dev_key = SampleCandidate().dev_key;
  absl::Duration now = absl::Hours(50);
  FixedRandom random{0};
  FairShare shares{TenAnHour(), random};
};

TEST_F(FairShareTest, SinglePrincipalMayUseTheWholeLimit) {
  Waits(kGreedy);
  Spend(kGreedy, 9);
  EXPECT_TRUE(shares.IsBelowShare(dev_key, kGreedy, now));
  Spend(kGreedy);
  EXPECT_FALSE(shares.IsBelowShare(dev_key, kGreedy, now));
  EXPECT_EQ(Ask(kGreedy), Kind::kGo) << "nobody else waits";
}

TEST_F(FairShareTest, PrincipalAtItsShareWaitsWhileAnotherWaits) {
  Spend(kGreedy, 5);
  EXPECT_EQ(Ask(kGreedy), Kind::kGo);
  Waits(kModest);
  EXPECT_EQ(Ask(kGreedy), Kind::kWait);
  EXPECT_EQ(Ask(kModest), Kind::kGo);
  StopsWaiting(kModest);
  EXPECT_EQ(Ask(kGreedy), Kind::kGo);
}

TEST_F(FairShareTest, PrincipalBelowItsShareNeedNotWait) {
  Spend(kGreedy, 4);
  Waits(kModest);
  EXPECT_EQ(Ask(kGreedy), Kind::kGo);
  EXPECT_TRUE(shares.IsBelowShare(dev_key, kGreedy, now));
}

TEST_F(FairShareTest, OwnWaitingCallsDoNotHoldThePrincipalUp) {
  Spend(kGreedy, 5);
  Spend(kModest);
  Waits(kGreedy);
  Waits(kGreedy);
  EXPECT_EQ(Ask(kGreedy), Kind::kGo);
  Waits(kModest);
  Waits(kModest);
  StopsWaiting(kModest);
  EXPECT_EQ(Ask(kGreedy), Kind::kWait) << "one of two calls still waits";
}

TEST_F(FairShareTest, SignInsUnderWayAreUsed) {
  Spend(kGreedy, 4);
  Waits(kModest);
  shares.Started(Of(kGreedy), now);
  EXPECT_EQ(Ask(kGreedy), Kind::kWait);
  shares.Released(Of(kGreedy), now);
  EXPECT_EQ(Ask(kGreedy), Kind::kGo);
}

TEST_F(FairShareTest, UnchargedSignInIsNotUsed) {
  SignInOutcome not_charged;
  not_charged.charged = false;
  Spend(kGreedy, 4);
  Waits(kModest);
  shares.Started(Of(kGreedy), now);
  shares.Ended(Of(kGreedy), not_charged, now);
  EXPECT_EQ(Ask(kGreedy), Kind::kGo);
}

TEST_F(FairShareTest, StartingMakesActiveForAnHour) {
  Spend(kGreedy);
  now += absl::Minutes(1);
  Spend(kModest, 5);
  EXPECT_FALSE(shares.IsBelowShare(dev_key, kModest, now)) << "5 of 10 for each of two";
  now += absl::Minutes(59);
  EXPECT_TRUE(shares.IsBelowShare(dev_key, kModest, now));
}

TEST_F(FairShareTest, WaitingMakesActiveForAnHour) {
  Waits(kModest);
  now += absl::Hours(3);
  Spend(kGreedy, 5);
  EXPECT_FALSE(shares.IsBelowShare(dev_key, kGreedy, now)) << "the other principal still waits";
  StopsWaiting(kModest);
  now += absl::Minutes(1);
  Spend(kGreedy, 5);
  now += absl::Minutes(59) - absl::Milliseconds(1);
  EXPECT_FALSE(shares.IsBelowShare(dev_key, kGreedy, now));
  now += absl::Milliseconds(1);
  EXPECT_TRUE(shares.IsBelowShare(dev_key, kGreedy, now)) << "5 of 10 for the only active one";
}

TEST_F(FairShareTest, SignInUnderWayMakesActive) {
  shares.Started(Of(kModest), now);
  now += absl::Hours(3);
  Spend(kGreedy, 5);
  EXPECT_FALSE(shares.IsBelowShare(dev_key, kGreedy, now));
}

TEST_F(FairShareTest, MorePrincipalsThanSignInsMayUseOneEach) {
  for (int i = 0; i < 20; ++i) Waits(absl::StrCat("unix:one-of-many-principals-", i));
  EXPECT_EQ(Ask(kGreedy), Kind::kGo);
  Spend(kGreedy);
  EXPECT_EQ(Ask(kGreedy), Kind::kWait);
}

TEST_F(FairShareTest, NobodyIsChargedForAnEmptyPrincipal) {
  Spend("", 100);
  Waits("");
  EXPECT_EQ(Ask(""), Kind::kGo);
  Waits(kModest);
  EXPECT_EQ(Ask(""), Kind::kGo);
  Spend(kGreedy, 4);
  EXPECT_EQ(Ask(kGreedy), Kind::kGo) << "two are active";
}

TEST_F(FairShareTest, WarmWatchIsChargedToItsPrincipal) {
  SignInCandidate warm = Of(kGreedy);
  warm.purpose = SignInPurpose::kWarm;
  for (int i = 0; i < 5; ++i) {
    shares.Started(warm, now);
    shares.Ended(warm, AcceptedOutcome(), now);
  }
  Waits(kModest);
  EXPECT_EQ(shares.Check(warm, now).kind(), Kind::kWait);
}

TEST_F(FairShareTest, ProofsAreChargedAndNeverHeldUp) {
  SignInCandidate proof = Of(kGreedy);
  proof.purpose = SignInPurpose::kProof;
  Waits(kModest);
  for (int i = 0; i < 9; ++i) {
    ASSERT_TRUE(shares.Check(proof, now).ok());
    shares.Started(proof, now);
    shares.Ended(proof, AcceptedOutcome(), now);
  }
  EXPECT_EQ(Ask(kGreedy), Kind::kWait);
}

TEST_F(FairShareTest, DevKeysAreIndependent) {
  Spend(kGreedy, 5);
  Waits(kModest);
  SignInCandidate other = Of(kGreedy);
  other.dev_key.dev_key_id = "dev-key-fingerprint-of-another";
  EXPECT_TRUE(shares.Check(other, now).ok());
}

TEST_F(FairShareTest, CountsSignInsBeforeRestart) {
  for (int i = 0; i < 5; ++i) shares.Restore(dev_key, kGreedy, now - absl::Minutes(10 + i));
  shares.Restore(dev_key, "", now);
  Waits(kModest);
  EXPECT_EQ(Ask(kGreedy), Kind::kWait);
  EXPECT_THAT(shares.Explain(Of(kGreedy), now), HasRetryAfter(absl::Minutes(46)));
}

TEST_F(FairShareTest, ExplainsTheTimeAtWhichItIsBelowItsShare) {
  Spend(kGreedy, 2);
  now += absl::Minutes(20);
  Spend(kGreedy, 3);
  Waits(kModest);
  Waits(kThird);  // 3 active principals: fewer than 3.33 each
  const RuleAnswer answer = shares.Check(Of(kGreedy), now);
  EXPECT_EQ(answer.blocks(), RuleAnswer::Blocks::kPrincipalOnDevKey);
  EXPECT_EQ(answer.until(), now + absl::Minutes(40));
  EXPECT_THAT(shares.Explain(Of(kGreedy), now),
              AllOf(HasReason(Reason::kLoginBudgetSpent), HasRetryAfter(absl::Minutes(40))));
  now = answer.until();
  EXPECT_EQ(Ask(kGreedy), Kind::kGo);
}

}  // namespace
}  // namespace billbroker
