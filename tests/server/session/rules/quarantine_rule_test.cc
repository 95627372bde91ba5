#include "server/session/rules/quarantine_rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/session/rules/sample_candidate.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Kind = RuleAnswer::Kind;

class QuarantineRuleTest : public ::testing::Test {
 protected:
  absl::optional<QuarantineRecord> Refuse(const SignInCandidate& candidate, QuarantineScope scope,
                                          absl::string_view code,
                                          const SignInHistory& history = {}) {
    SignInOutcome outcome;
    outcome.quarantine = scope;
    BillError error;
    error.code = std::string(code);
    return rule.Record(candidate, outcome, error, history, wall, now);
  }
  Kind Ask(const SignInCandidate& candidate) { return rule.Check(candidate, now).kind(); }

  const absl::Time wall = absl::FromUnixSeconds(1'800'000'000);
  absl::Duration now = absl::Hours(50);
  QuarantineRule rule{absl::Hours(1)};
};

TEST_F(QuarantineRuleTest, RefusesAQuarantinedSignIn) {
  ASSERT_TRUE(Refuse(SampleCandidate(), QuarantineScope::kSecret, "BDC_1101"));
  EXPECT_EQ(Ask(SampleCandidate(kSecondOrganization)), Kind::kRefuse);
  EXPECT_EQ(Ask(SampleCandidate(kFirstOrganization, "secret-fingerprint-rotated")), Kind::kGo);
  EXPECT_THAT(
      rule.Explain(SampleCandidate(), now),
      AllOf(HasReason(Reason::kCredentialRejected), HasMetadata("bill_code", "BDC_1101"),
            HasMetadata("credential", kAcme), HasMetadata("organization_id", kFirstOrganization)));
}

TEST_F(QuarantineRuleTest, RecordsNothingWithoutAScope) {
  EXPECT_FALSE(Refuse(SampleCandidate(), QuarantineScope::kNone, "BDC_1001"));
  EXPECT_EQ(Ask(SampleCandidate()), Kind::kGo);
}

TEST_F(QuarantineRuleTest, ForcePasses) {
  ASSERT_TRUE(Refuse(SampleCandidate(), QuarantineScope::kSecret, "BDC_1101"));
  SignInCandidate candidate = SampleCandidate();
  candidate.purpose = SignInPurpose::kProof;
  EXPECT_EQ(Ask(candidate), Kind::kRefuse);
  for (const SignInForce force : {SignInForce::kOperator, SignInForce::kAdmin}) {
    candidate.force = force;
    EXPECT_EQ(Ask(candidate), Kind::kGo);
  }
}

TEST_F(QuarantineRuleTest, RecordHoldsTheEvidence) {
  SignInHistory history;
  history.secret_accepted = true;
  history.dev_key_worked_here = true;
  const absl::optional<QuarantineRecord> record =
      Refuse(SampleCandidate(), QuarantineScope::kDevKey, "BDC_1102", history);
  ASSERT_TRUE(record.has_value());
  const QuarantineEntry& entry = record->entry;
  EXPECT_EQ(entry.bill_code, "BDC_1102");
  EXPECT_EQ(entry.organization_id, kFirstOrganization);
  EXPECT_EQ(entry.since, wall);
  EXPECT_EQ(entry.scope, QuarantineScope::kDevKey);
  EXPECT_TRUE(entry.history.secret_accepted);
  EXPECT_TRUE(entry.history.dev_key_worked_here);
  EXPECT_FALSE(entry.history.dev_key_worked_anywhere);
}

TEST_F(QuarantineRuleTest, AsksWhetherTheOrganizationIsOnTheDevKey) {
  ASSERT_TRUE(Refuse(SampleCandidate(), QuarantineScope::kOrganizationAndDevKey, "BDC_1102"));
  EXPECT_EQ(Ask(SampleCandidate(kSecondOrganization)), Kind::kGo);
  const absl::Status error = rule.Explain(SampleCandidate(), now);
  EXPECT_THAT(error, HasReason(Reason::kDevKeyRejected));
  EXPECT_THAT(error.message(),
              HasSubstr("other environment? is this organization on this devKey?"));
}

TEST_F(QuarantineRuleTest, RestoredEntryAsksTheSameQuestion) {
  for (const QuarantineScope scope :
       {QuarantineScope::kOrganizationAndDevKey, QuarantineScope::kSecretAndDevKey}) {
    absl::optional<QuarantineRecord> record = Refuse(SampleCandidate(), scope, "BDC_1102");
    ASSERT_TRUE(record.has_value());
    const QuarantineEntry before = record->entry;
    record->entry.scope = QuarantineScope::kNone;  // it is not stored
    QuarantineRule restarted(absl::Hours(1));
    restarted.Restore(*record);
    EXPECT_EQ(restarted.Explain(SampleCandidate(), now),
              QuarantineError(before, *SampleCandidate().credential, kFirstOrganization));
    rule.Lift(SampleCandidate());
  }
}

TEST_F(QuarantineRuleTest, ErrorDoesNotNameTheOrganizationOfTheEvidence) {
  for (const QuarantineScope scope :
       {QuarantineScope::kSecret, QuarantineScope::kDevKey, QuarantineScope::kSecretAndDevKey}) {
    QuarantineRule other(absl::Hours(1));
    rule = other;
    ASSERT_TRUE(Refuse(SampleCandidate(), scope, "BDC_1102"));
    const absl::Status error = rule.Explain(SampleCandidate(kSecondOrganization), now);
    EXPECT_THAT(error.message(), Not(HasSubstr(kFirstOrganization)));
  }
}

TEST_F(QuarantineRuleTest, LockoutEndsWithTheCooldown) {
  ASSERT_TRUE(Refuse(SampleCandidate(), QuarantineScope::kUserLockout, "BDC_1110"));
  now += absl::Hours(1) - absl::Milliseconds(1);
  EXPECT_EQ(Ask(SampleCandidate()), Kind::kRefuse);
  now += absl::Milliseconds(1);
  EXPECT_EQ(Ask(SampleCandidate()), Kind::kGo);
}

TEST_F(QuarantineRuleTest, AcceptanceLiftsAndReturnsTheScope) {
  const absl::optional<QuarantineRecord> record =
      Refuse(SampleCandidate(), QuarantineScope::kOrganizationAndDevKey, "BDC_1102");
  ASSERT_TRUE(record.has_value());
  EXPECT_THAT(rule.Lift(SampleCandidate(kSecondOrganization)), IsEmpty());
  EXPECT_THAT(rule.Lift(SampleCandidate()), ElementsAre(record->scope));
  EXPECT_EQ(Ask(SampleCandidate()), Kind::kGo);
  EXPECT_EQ(rule.quarantine().size(), 0);
}

TEST_F(QuarantineRuleTest, RestoredEntryRefusesAgain) {
  const absl::optional<QuarantineRecord> record =
      Refuse(SampleCandidate(), QuarantineScope::kUserAndOrganization, "BDC_1111");
  ASSERT_TRUE(record.has_value());
  QuarantineRule restarted(absl::Hours(1));
  restarted.Restore(*record);
  EXPECT_EQ(restarted.Check(SampleCandidate(), now).kind(), Kind::kRefuse);
  EXPECT_TRUE(restarted.Check(SampleCandidate(kSecondOrganization), now).ok());
}

}  // namespace
}  // namespace billbroker
