#include "server/session/rules/scope_failure_bound.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/session/rules/sample_candidate.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using Kind = RuleAnswer::Kind;

class ScopeFailureBoundTest : public ::testing::Test {
 protected:
  static SignInCandidate Forced(absl::string_view organization_id = kFirstOrganization) {
    SignInCandidate candidate = SampleCandidate(organization_id);
    candidate.force = SignInForce::kOperator;
    return candidate;
  }
  static SignInOutcome RefusedIn(QuarantineScope scope) {
    SignInOutcome outcome;
    outcome.failed_scope = scope;
    outcome.quarantine = scope;
    outcome.judged = true;
    return outcome;
  }

  Kind Ask(const SignInCandidate& candidate) { return bound.Check(candidate, now).kind(); }
  int TryAll(const SignInCandidate& candidate, QuarantineScope scope) {
    constexpr int kMost = 100;
    int tries = 0;
    while (tries < kMost && Ask(candidate) == Kind::kGo) {
      bound.Started(candidate, now);
      bound.Ended(candidate, RefusedIn(scope), now);
      ++tries;
    }
    return tries;
  }

  absl::Duration now = absl::Hours(50);
  FixedRandom random{0};
  ScopeFailureBound bound{3, random};
};

TEST_F(ScopeFailureBoundTest, AllowsThreeForcedRefusalsAnHour) {
  EXPECT_EQ(TryAll(Forced(), QuarantineScope::kUserAndOrganization), 3);
  EXPECT_EQ(Ask(Forced()), Kind::kRefuse);
  EXPECT_EQ(Ask(Forced(kSecondOrganization)), Kind::kGo);
  now += absl::Hours(1) - absl::Milliseconds(1);
  EXPECT_EQ(Ask(Forced()), Kind::kRefuse);
  now += absl::Milliseconds(1);
  EXPECT_EQ(Ask(Forced()), Kind::kGo);
}

TEST_F(ScopeFailureBoundTest, RefusalThatQuarantinedDoesNotCountAsForced) {
  bound.Ended(SampleCandidate(), RefusedIn(QuarantineScope::kUserAndOrganization), now);
  EXPECT_EQ(TryAll(Forced(), QuarantineScope::kUserAndOrganization), 3);
  EXPECT_EQ(Ask(SampleCandidate()), Kind::kGo) << "one refusal is not forced";
}

TEST_F(ScopeFailureBoundTest, CountsUnforcedRefusalsToo) {
  EXPECT_EQ(TryAll(SampleCandidate(), QuarantineScope::kUserAndOrganization), 3);
}

TEST_F(ScopeFailureBoundTest, CountsAllOrganizationsOfARefusedDevKey) {
  EXPECT_EQ(TryAll(Forced(kFirstOrganization), QuarantineScope::kDevKey), 3);
  EXPECT_EQ(Ask(Forced(kSecondOrganization)), Kind::kRefuse);
  SignInCandidate other = Forced();
  other.dev_key.dev_key_id = "dev-key-fingerprint-of-another";
  EXPECT_EQ(Ask(other), Kind::kGo);
}

TEST_F(ScopeFailureBoundTest, NewSecretIsAnotherScopeWithTheDevKey) {
  EXPECT_EQ(TryAll(Forced(), QuarantineScope::kSecretAndDevKey), 3);
  SignInCandidate rotated = SampleCandidate(kFirstOrganization, "secret-fingerprint-rotated");
  rotated.force = SignInForce::kOperator;
  EXPECT_EQ(Ask(rotated), Kind::kGo);
}

TEST_F(ScopeFailureBoundTest, OrganizationOnADevKeyIsAScope) {
  EXPECT_EQ(TryAll(Forced(), QuarantineScope::kOrganizationAndDevKey), 3);
  EXPECT_EQ(Ask(Forced(kSecondOrganization)), Kind::kGo);
}

TEST_F(ScopeFailureBoundTest, FailuresOfTheUserAreNotCountedHere) {
  EXPECT_EQ(TryAll(Forced(), QuarantineScope::kNone), 100);
  EXPECT_EQ(TryAll(Forced(), QuarantineScope::kSecret), 100);
}

TEST_F(ScopeFailureBoundTest, CountsSignInsUnderWayAsRefused) {
  for (int i = 0; i < 2; ++i) {
    bound.Started(Forced(), now);
    bound.Ended(Forced(), RefusedIn(QuarantineScope::kUserAndOrganization), now);
  }
  bound.Started(Forced(), now);
  EXPECT_EQ(Ask(Forced()), Kind::kWait) << "the third one may be refused";
  bound.Released(Forced(), now);
  EXPECT_EQ(Ask(Forced()), Kind::kGo);
}

TEST_F(ScopeFailureBoundTest, AcceptanceTakesRefusalsBack) {
  EXPECT_EQ(TryAll(Forced(), QuarantineScope::kUserAndOrganization), 3);
  bound.Started(SampleCandidate(), now);
  bound.Ended(SampleCandidate(), AcceptedOutcome(), now);
  EXPECT_EQ(Ask(Forced()), Kind::kGo);
}

TEST_F(ScopeFailureBoundTest, CountsRefusalsBeforeRestart) {
  for (int i = 0; i < 3; ++i) {
    bound.Restore(Forced(), QuarantineScope::kUserAndOrganization, now - absl::Minutes(10));
  }
  EXPECT_EQ(Ask(Forced()), Kind::kRefuse);
  EXPECT_THAT(bound.Explain(Forced(), now),
              AllOf(HasReason(Reason::kLoginBudgetSpent), HasRetryAfter(absl::Minutes(50))));
}

}  // namespace
}  // namespace billbroker
