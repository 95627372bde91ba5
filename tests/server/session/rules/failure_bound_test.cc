#include "server/session/rules/failure_bound.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/server/session/rules/sample_candidate.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Kind = RuleAnswer::Kind;

constexpr char kTypo[] = "secret-fingerprint-of-a-typo";
constexpr char kNewSecret[] = "secret-fingerprint-rotated";

class FailureBoundTest : public ::testing::Test {
 protected:
  static SignInCandidate InEffect(absl::string_view secret = kSampleSecret) {
    return SampleCandidate(kFirstOrganization, secret);
  }
  static SignInCandidate OnTrial(absl::string_view secret = kNewSecret) {
    SignInCandidate candidate = SampleCandidate(kFirstOrganization, secret);
    candidate.purpose = SignInPurpose::kProof;
    candidate.on_trial = true;
    return candidate;
  }

  Kind Ask(const SignInCandidate& candidate) { return bound.Check(candidate, now).kind(); }
  // Starts the sign-in if the bound allows it.
  bool Start(const SignInCandidate& candidate) {
    if (Ask(candidate) != Kind::kGo) return false;
    bound.Started(candidate, now);
    return true;
  }
  void End(const SignInCandidate& candidate, const SignInOutcome& outcome) {
    bound.Ended(candidate, outcome, now);
  }
  // Makes one whole sign-in. Returns false if the bound does not allow it.
  bool Try(const SignInCandidate& candidate, const SignInOutcome& outcome) {
    if (!Start(candidate)) return false;
    End(candidate, outcome);
    return true;
  }
  // Tries until the bound does not allow another try, and returns the number of tries.
  int TryAll(const SignInCandidate& candidate, const SignInOutcome& outcome) {
    constexpr int kMany = 1000;
    int tries = 0;
    while (tries < kMany && Try(candidate, outcome)) ++tries;
    return tries;
  }
  void Accept(const SignInCandidate& candidate) { ASSERT_TRUE(Try(candidate, AcceptedOutcome())); }
  // Returns the outcome of BDC_1111 for a secret that was accepted before.
  static SignInOutcome NarrowOutcome() {
    SignInOutcome outcome;
    outcome.failed_scope = QuarantineScope::kUserAndOrganization;
    outcome.judged = true;
    return outcome;
  }
  static PastFailure Past(UserFailure failure, absl::Duration ended,
                          absl::string_view secret = kSampleSecret) {
    return {std::string(secret), false, failure, ended};
  }

  absl::Duration now = absl::Hours(50);
  FixedRandom random{0};
  FailureBound bound{3, random};
};

TEST_F(FailureBoundTest, AllowsThreeFailuresPerUserAndHour) {
  EXPECT_EQ(TryAll(InEffect(), SecretRefusedOutcome()) + TryAll(OnTrial(), SecretRefusedOutcome()),
            3);
  EXPECT_EQ(Ask(InEffect()), Kind::kRefuse);
  EXPECT_EQ(Ask(OnTrial()), Kind::kRefuse);
  now += absl::Hours(1) - absl::Milliseconds(1);
  EXPECT_EQ(Ask(OnTrial()), Kind::kRefuse);
  now += absl::Milliseconds(1);
  EXPECT_EQ(Ask(OnTrial()), Kind::kGo);
}

TEST_F(FailureBoundTest, CountsEveryOrganizationOfTheUser) {
  int failed = 0;
  for (int i = 0; i < 20; ++i) {
    const SignInCandidate candidate = SampleCandidate(absl::StrCat("008000000000000000", i));
    failed += TryAll(candidate, SecretRefusedOutcome());
  }
  EXPECT_EQ(failed, 2);
}

TEST_F(FailureBoundTest, UsersAreIndependent) {
  TryAll(InEffect(), SecretRefusedOutcome());
  SignInCandidate other = InEffect();
  other.user.username = "another-user@acme.example";
  EXPECT_EQ(Ask(other), Kind::kGo);
  other = InEffect();
  other.user.acting_as = "00600000000000000001";
  EXPECT_EQ(Ask(other), Kind::kGo);
}

TEST_F(FailureBoundTest, SecretInEffectLeavesOneFailureForTrials) {
  EXPECT_EQ(TryAll(InEffect(), SecretRefusedOutcome()), 2);
  EXPECT_EQ(TryAll(OnTrial(), SecretRefusedOutcome()), 1);
}

TEST_F(FailureBoundTest, TrialsLeaveOneFailureForSecretInEffect) {
  EXPECT_EQ(TryAll(OnTrial(kTypo), SecretRefusedOutcome()), 2);
  EXPECT_EQ(TryAll(OnTrial(kNewSecret), SecretRefusedOutcome()), 0)
      << "all secrets on trial share their part";
  EXPECT_EQ(TryAll(InEffect(), SecretRefusedOutcome()), 1);
}

TEST_F(FailureBoundTest, EitherMayUseABoundOfOne) {
  bound.SetBound(1);
  EXPECT_EQ(TryAll(OnTrial(), SecretRefusedOutcome()), 1);
  EXPECT_EQ(TryAll(InEffect(), SecretRefusedOutcome()), 0);
  now += absl::Hours(1);
  EXPECT_EQ(TryAll(InEffect(), SecretRefusedOutcome()), 1);
  EXPECT_EQ(TryAll(OnTrial(), SecretRefusedOutcome()), 0);
}

TEST_F(FailureBoundTest, LowerBoundCountsEarlierFailures) {
  TryAll(OnTrial(), SecretRefusedOutcome());
  bound.SetBound(1);
  EXPECT_EQ(Ask(InEffect()), Kind::kRefuse);
  bound.SetBound(3);
  EXPECT_EQ(Ask(InEffect()), Kind::kGo);
}

TEST_F(FailureBoundTest, AcceptedRotationIsNotHeldUpByTheSecretBefore) {
  ASSERT_EQ(TryAll(InEffect(), SecretRefusedOutcome()), 2);
  Accept(OnTrial());
  EXPECT_EQ(Ask(InEffect(kNewSecret)), Kind::kGo);
  EXPECT_EQ(Ask(InEffect(kSampleSecret)), Kind::kRefuse);
}

TEST_F(FailureBoundTest, UnprovedSecretInEffectLeavesOneFailureForTrials) {
  ASSERT_EQ(TryAll(InEffect(), SecretRefusedOutcome()), 2);
  EXPECT_EQ(Ask(InEffect(kNewSecret)), Kind::kRefuse) << "it was put in effect without a proof";
  EXPECT_EQ(Ask(OnTrial()), Kind::kGo);
}

TEST_F(FailureBoundTest, NeverAcceptedSecretGoesOneAtATime) {
  ASSERT_TRUE(Start(InEffect()));
  EXPECT_EQ(Ask(InEffect()), Kind::kWait);
  EXPECT_EQ(Ask(OnTrial()), Kind::kGo) << "another secret";
  End(InEffect(), AcceptedOutcome());
  EXPECT_TRUE(Start(InEffect()));
  EXPECT_TRUE(Start(InEffect()));
}

TEST_F(FailureBoundTest, CountsSignInsUnderWayAsFailed) {
  Accept(InEffect());
  ASSERT_TRUE(Start(InEffect()));
  ASSERT_TRUE(Start(InEffect()));
  EXPECT_EQ(Ask(InEffect()), Kind::kWait);
  ASSERT_TRUE(Start(OnTrial()));
  End(OnTrial(), SecretRefusedOutcome());
  EXPECT_EQ(Ask(OnTrial(kTypo)), Kind::kWait) << "all three may have failed";
  End(InEffect(), AcceptedOutcome());
  EXPECT_EQ(Ask(OnTrial(kTypo)), Kind::kGo);
}

TEST_F(FailureBoundTest, ReleasedSignInIsNotCounted) {
  ASSERT_TRUE(Start(InEffect()));
  bound.Released(InEffect(), now);
  EXPECT_EQ(TryAll(InEffect(), SecretRefusedOutcome()), 2);
}

TEST_F(FailureBoundTest, OutcomeWithoutFailureIsNotCounted) {
  SignInOutcome unavailable;
  unavailable.transient = true;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(Try(InEffect(), unavailable));
}

TEST_F(FailureBoundTest, BlocksOnlyTheProofThatHasToWait) {
  ASSERT_TRUE(Start(OnTrial()));
  EXPECT_EQ(bound.Check(OnTrial(), now).blocks(), RuleAnswer::Blocks::kThisOne);
  ASSERT_TRUE(Start(InEffect()));
  EXPECT_EQ(bound.Check(InEffect(), now).blocks(), RuleAnswer::Blocks::kUser);
}

TEST_F(FailureBoundTest, AllowsSixLostAnswersOfNeverAcceptedSecret) {
  EXPECT_EQ(TryAll(InEffect(), LostOutcome()), 6);
  EXPECT_EQ(Ask(OnTrial()), Kind::kRefuse) << "each secret may have failed";
  now += absl::Hours(1);
  EXPECT_EQ(Ask(InEffect()), Kind::kGo);
}

TEST_F(FailureBoundTest, CountsUnprovenSignInsUnderWayAsLost) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Try(InEffect(), LostOutcome()));
  ASSERT_TRUE(Start(InEffect()));
  EXPECT_EQ(Ask(OnTrial()), Kind::kWait);
}

TEST_F(FailureBoundTest, AcceptanceTakesLostAnswersOfItsSecretBack) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Try(InEffect(), LostOutcome()));
  Accept(InEffect());
  EXPECT_EQ(TryAll(OnTrial(), LostOutcome()), 6);
  EXPECT_EQ(Ask(InEffect()), Kind::kGo);
}

TEST_F(FailureBoundTest, AcceptanceKeepsLostAnswersOfOtherSecrets) {
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(Try(OnTrial(kTypo), LostOutcome()));
  bound.RestoreAccepted(InEffect().user, kSampleSecret);
  EXPECT_EQ(Ask(OnTrial(kTypo)), Kind::kRefuse);
  EXPECT_EQ(Ask(InEffect()), Kind::kGo);
}

TEST_F(FailureBoundTest, LostAnswersOfAcceptedSecretLeaveAnotherFree) {
  Accept(InEffect());
  EXPECT_EQ(TryAll(InEffect(), LostOutcome()), 4);
  EXPECT_EQ(Ask(OnTrial()), Kind::kGo);
}

TEST_F(FailureBoundTest, LostAnswersOfAcceptedSecretSlowItDown) {
  Accept(InEffect());
  ASSERT_EQ(TryAll(InEffect(), LostOutcome()), 4);
  for (const int minutes : {1, 2, 4, 8, 16, 30, 30}) {
    EXPECT_THAT(bound.Explain(InEffect(), now),
                AllOf(HasReason(Reason::kLoginBudgetSpent), HasRetryAfter(absl::Minutes(minutes))));
    now += absl::Minutes(minutes) - absl::Milliseconds(1);
    ASSERT_EQ(Ask(InEffect()), Kind::kRefuse) << minutes;
    now += absl::Milliseconds(1);
    ASSERT_EQ(TryAll(InEffect(), LostOutcome()), 1) << minutes;
  }
}

TEST_F(FailureBoundTest, AnswerOfBillEndsTheWaitForLostOnes) {
  Accept(InEffect());
  ASSERT_EQ(TryAll(InEffect(), LostOutcome()), 4);
  now += absl::Minutes(1);
  Accept(InEffect());
  EXPECT_EQ(TryAll(InEffect(), LostOutcome()), 4);
}

TEST_F(FailureBoundTest, CountsSignInsUnderWayAsTheNextLostAnswer) {
  Accept(InEffect());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Try(InEffect(), LostOutcome()));
  ASSERT_TRUE(Start(InEffect()));
  EXPECT_EQ(Ask(InEffect()), Kind::kWait);
}

// --- refusals in a narrower scope ----------------------------------------------------------

TEST_F(FailureBoundTest, NarrowRefusalsOfManyOrganizationsStopAtThree) {
  Accept(InEffect());
  int refused = 0;
  for (int i = 0; i < 14; ++i) {
    refused += Try(SampleCandidate(absl::StrCat("008000000000000000", i)), NarrowOutcome()) ? 1 : 0;
  }
  EXPECT_EQ(refused, 3);
  EXPECT_EQ(Ask(InEffect()), Kind::kRefuse);
  EXPECT_EQ(TryAll(OnTrial(), SecretRefusedOutcome()), 1) << "another secret may be the right one";
  now += absl::Hours(1);
  EXPECT_EQ(Ask(InEffect()), Kind::kGo);
}

TEST_F(FailureBoundTest, AcceptanceTakesNarrowRefusalsBack) {
  Accept(InEffect());
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(Try(SampleCandidate(kSecondOrganization), NarrowOutcome())) << i;
    ASSERT_TRUE(Try(SampleCandidate(absl::StrCat("008000000000000000", i)), NarrowOutcome())) << i;
    Accept(InEffect());
  }
}

TEST_F(FailureBoundTest, OneOrganizationLeavesATryForAnother) {
  Accept(InEffect());
  EXPECT_EQ(TryAll(SampleCandidate(kSecondOrganization), NarrowOutcome()), 2);
  EXPECT_EQ(Ask(SampleCandidate(kSecondOrganization)), Kind::kRefuse);
  Accept(InEffect());
  EXPECT_EQ(Ask(SampleCandidate(kSecondOrganization)), Kind::kGo);
}

TEST_F(FailureBoundTest, CountsNarrowRefusalsBeforeRestart) {
  bound.RestoreAccepted(InEffect().user, kSampleSecret);
  for (const int minutes : {50, 30, 10}) {
    PastFailure refused = Past(UserFailure::kNone, now - absl::Minutes(minutes));
    refused.organization_id = absl::StrCat("00800000000000000", minutes);
    refused.narrow = true;
    bound.Restore(InEffect().user, refused);
  }
  EXPECT_THAT(bound.Explain(InEffect(), now), HasRetryAfter(absl::Minutes(10)));
  bound.ForgiveNarrow(InEffect().user, now - absl::Minutes(40));
  EXPECT_EQ(Ask(InEffect()), Kind::kGo) << "the first was refused before an acceptance";
}

TEST_F(FailureBoundTest, RefusedSecretIsNoLongerAccepted) {
  Accept(InEffect());
  EXPECT_EQ(bound.AcceptedSecret(InEffect().user), kSampleSecret);
  ASSERT_TRUE(Try(OnTrial(), SecretRefusedOutcome()));
  EXPECT_EQ(bound.AcceptedSecret(InEffect().user), kSampleSecret) << "another secret was refused";
  ASSERT_TRUE(Try(InEffect(), SecretRefusedOutcome()));
  EXPECT_EQ(bound.AcceptedSecret(InEffect().user), "");
}

TEST_F(FailureBoundTest, CountsFailuresBeforeRestart) {
  const UserId user = InEffect().user;
  bound.Restore(user, Past(UserFailure::kFailed, now - absl::Minutes(10)));
  bound.Restore(user, Past(UserFailure::kFailed, now - absl::Minutes(50)));
  EXPECT_EQ(Ask(InEffect()), Kind::kRefuse);
  EXPECT_THAT(bound.Explain(InEffect(), now), HasRetryAfter(absl::Minutes(10)));
  PastFailure typo = Past(UserFailure::kFailed, now - absl::Minutes(20), kTypo);
  typo.on_trial = true;
  bound.Restore(user, typo);
  EXPECT_EQ(Ask(OnTrial()), Kind::kRefuse);
}

TEST_F(FailureBoundTest, WaitsUntilEnoughFailuresAreForgotten) {
  for (const int minutes : {50, 30, 10}) {
    bound.Restore(InEffect().user, Past(UserFailure::kFailed, now - absl::Minutes(minutes)));
  }
  EXPECT_THAT(bound.Explain(InEffect(), now), HasRetryAfter(absl::Minutes(30)))
      << "the share of two allows another one if one is left";
  EXPECT_THAT(bound.Explain(OnTrial(), now), HasRetryAfter(absl::Minutes(10)));
}

TEST_F(FailureBoundTest, CrashesKeepAcceptedSecretUsable) {
  const UserId user = InEffect().user;
  constexpr int kCutOffByTwoCrashes = 4;
  constexpr int kLostAnswers = 6;
  for (int i = 0; i < kCutOffByTwoCrashes + kLostAnswers; ++i) {
    bound.Restore(user, Past(UserFailure::kUnclear, now));
  }
  EXPECT_EQ(Ask(InEffect()), Kind::kRefuse);
  bound.RestoreAccepted(user, kSampleSecret);
  EXPECT_EQ(Ask(InEffect()), Kind::kGo);
}

TEST_F(FailureBoundTest, RestoresAcceptedSecretBeforeItsLostAnswers) {
  const UserId user = InEffect().user;
  bound.RestoreAccepted(user, kSampleSecret);
  for (int i = 0; i < 6; ++i) bound.Restore(user, Past(UserFailure::kUnclear, now));
  EXPECT_EQ(Ask(InEffect()), Kind::kGo);
  EXPECT_EQ(Ask(OnTrial()), Kind::kGo);
}

TEST_F(FailureBoundTest, AcceptedSecretHasNoTimeLimit) {
  Accept(InEffect());
  now += absl::Hours(24 * 365);
  EXPECT_TRUE(Start(InEffect()));
  EXPECT_TRUE(Start(InEffect()));
}

TEST_F(FailureBoundTest, ExplainsFailuresWithTheTimeToWait) {
  ASSERT_TRUE(Try(InEffect(), SecretRefusedOutcome()));
  now += absl::Minutes(10);
  ASSERT_TRUE(Try(InEffect(), SecretRefusedOutcome()));
  now += absl::Minutes(10);
  const absl::Status error = bound.Explain(InEffect(), now);
  EXPECT_THAT(error, AllOf(HasReason(Reason::kLoginBudgetSpent), HasMetadata("credential", kAcme),
                           HasMetadata("organization_id", kFirstOrganization),
                           HasRetryAfter(absl::Minutes(40))));
  EXPECT_THAT(error.message(), HasSubstr("2 sign-ins of the user of credential"));
  now += absl::Minutes(40);
  EXPECT_EQ(Ask(InEffect()), Kind::kGo);
}

TEST_F(FailureBoundTest, ExplainsTheLongerOfTwoReasons) {
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(Try(InEffect(), LostOutcome()));
  bound.Restore(InEffect().user, Past(UserFailure::kFailed, now - absl::Minutes(30)));
  bound.Restore(InEffect().user, Past(UserFailure::kFailed, now - absl::Minutes(20)));
  const absl::Status error = bound.Explain(InEffect(), now);
  EXPECT_THAT(error, HasRetryAfter(absl::Hours(1)));
  EXPECT_THAT(error.message(), HasSubstr("answers to the last 6 sign-ins"));
}

TEST_F(FailureBoundTest, ExplainsASignInUnderWay) {
  ASSERT_TRUE(Start(InEffect()));
  EXPECT_THAT(bound.Explain(InEffect(), now),
              AllOf(HasReason(Reason::kLoginBudgetSpent), HasRetryAfter(absl::Seconds(1))));
}

}  // namespace
}  // namespace billbroker
