#include "server/session/rules/slot_backoffs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/session/rules/sample_candidate.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Kind = RuleAnswer::Kind;

class SlotBackoffsTest : public ::testing::Test {
 protected:
  static absl::Status Unavailable() {
    BillError error;
    error.http_status = 503;
    error.detail = "HTTP 503";
    return SignInFailed(kFirstOrganization, kAcme, Reason::kBillUnavailable, error);
  }
  void Fail(SlotBackoff kind, absl::optional<absl::Duration> retry_after = absl::nullopt) {
    EXPECT_THAT(backoffs.BackOff(slot, kind, Unavailable(), retry_after, now),
                HasReason(Reason::kBillUnavailable));
  }
  // Fails once, waits until the back-off is over, and returns its length.
  absl::Duration FailAndWait(SlotBackoff kind) {
    Fail(kind);
    const absl::Duration wait = backoffs.NotBefore(slot) - now;
    now += wait;
    return wait;
  }
  Kind Ask(const SignInCandidate& candidate) { return backoffs.Check(candidate, now).kind(); }

  const SlotId slot = SampleCandidate().slot;
  absl::Duration now = absl::Hours(50);
  FixedRandom random{1};  // the longest waits
  SlotBackoffs backoffs{BackoffOptions(), random};
};

TEST_F(SlotBackoffsTest, TransientDoublesUpToAMinute) {
  for (const int seconds : {1, 2, 4, 8, 16, 32, 60, 60}) {
    EXPECT_EQ(FailAndWait(SlotBackoff::kTransient), absl::Seconds(seconds));
  }
}

TEST_F(SlotBackoffsTest, GrowingDoublesUpToAnHour) {
  for (const int minutes : {1, 2, 4, 8, 16, 32, 60, 60}) {
    EXPECT_EQ(FailAndWait(SlotBackoff::kGrowing), absl::Minutes(minutes));
  }
}

TEST_F(SlotBackoffsTest, ManyFailuresDoNotOverflow) {
  for (int i = 0; i < 1000; ++i) FailAndWait(SlotBackoff::kTransient);
  EXPECT_EQ(FailAndWait(SlotBackoff::kTransient), absl::Minutes(1));
}

TEST_F(SlotBackoffsTest, KindsAreCountedApart) {
  for (int i = 0; i < 10; ++i) FailAndWait(SlotBackoff::kTransient);
  EXPECT_EQ(FailAndWait(SlotBackoff::kGrowing), absl::Minutes(1));
  FailAndWait(SlotBackoff::kTransient);
  EXPECT_EQ(FailAndWait(SlotBackoff::kGrowing), absl::Minutes(2));
}

TEST_F(SlotBackoffsTest, WaitsHaveJitter) {
  FixedRandom lowest(0);
  SlotBackoffs early(BackoffOptions(), lowest);
  const auto wait = [this, &early](SlotBackoff kind) {
    EXPECT_THAT(early.BackOff(slot, kind, Unavailable(), absl::nullopt, now),
                HasReason(Reason::kBillUnavailable));
    return early.NotBefore(slot) - now;
  };
  EXPECT_EQ(wait(SlotBackoff::kTransient), absl::Milliseconds(500));
  EXPECT_EQ(wait(SlotBackoff::kGrowing), absl::Minutes(1)) << "the shortest one has none";
  EXPECT_EQ(wait(SlotBackoff::kGrowing), absl::Seconds(96));
}

TEST_F(SlotBackoffsTest, RespectsRetryAfter) {
  Fail(SlotBackoff::kTransient, absl::Minutes(7));
  EXPECT_EQ(backoffs.NotBefore(slot), now + absl::Minutes(7));
  Fail(SlotBackoff::kGrowing, absl::Seconds(1));
  EXPECT_EQ(backoffs.NotBefore(slot), now + absl::Minutes(1)) << "the back-off is longer";
}

TEST_F(SlotBackoffsTest, RefusesUntilTheEndOfTheBackoff) {
  Fail(SlotBackoff::kGrowing);
  EXPECT_EQ(Ask(SampleCandidate()), Kind::kRefuse);
  EXPECT_EQ(Ask(SampleCandidate(kSecondOrganization)), Kind::kGo) << "another slot";
  now += absl::Minutes(1) - absl::Milliseconds(1);
  EXPECT_EQ(Ask(SampleCandidate()), Kind::kRefuse);
  now += absl::Milliseconds(1);
  EXPECT_EQ(Ask(SampleCandidate()), Kind::kGo);
}

TEST_F(SlotBackoffsTest, ExplainsWithTheLastErrorAndTheTimeLeft) {
  FixedRandom lowest(0);
  SlotBackoffs exact(BackoffOptions(), lowest);
  EXPECT_THAT(exact.BackOff(slot, SlotBackoff::kGrowing, Unavailable(), absl::nullopt, now),
              AllOf(HasReason(Reason::kBillUnavailable), HasRetryAfter(absl::Minutes(1))));
  EXPECT_THAT(exact.Explain(SampleCandidate(), now + absl::Seconds(50)),
              AllOf(HasReason(Reason::kBillUnavailable), HasMetadata("credential", kAcme),
                    HasRetryAfter(absl::Seconds(10))));
  EXPECT_FALSE(exact.Find(slot, now + absl::Minutes(1)).has_value());
}

TEST_F(SlotBackoffsTest, ClearEndsTheBackoffAndItsGrowth) {
  for (int i = 0; i < 5; ++i) FailAndWait(SlotBackoff::kGrowing);
  Fail(SlotBackoff::kGrowing);
  backoffs.Clear(slot);
  EXPECT_EQ(Ask(SampleCandidate()), Kind::kGo);
  EXPECT_EQ(FailAndWait(SlotBackoff::kGrowing), absl::Minutes(1));
}

TEST_F(SlotBackoffsTest, ForcePassesAndEndsTheBackoff) {
  FailAndWait(SlotBackoff::kGrowing);
  Fail(SlotBackoff::kGrowing);
  SignInCandidate forced = SampleCandidate();
  forced.force = SignInForce::kOperator;
  EXPECT_EQ(Ask(forced), Kind::kGo);
  backoffs.Started(forced, now);
  EXPECT_EQ(Ask(SampleCandidate()), Kind::kGo);
  EXPECT_EQ(FailAndWait(SlotBackoff::kGrowing), absl::Minutes(1));
}

TEST_F(SlotBackoffsTest, UnforcedProofDoesNotPass) {
  Fail(SlotBackoff::kGrowing);
  SignInCandidate proof = SampleCandidate();
  proof.purpose = SignInPurpose::kProof;
  EXPECT_EQ(Ask(proof), Kind::kRefuse);
}

TEST_F(SlotBackoffsTest, AcceptedSignInEndsATransientBackoff) {
  FailAndWait(SlotBackoff::kTransient);
  Fail(SlotBackoff::kTransient);
  backoffs.Ended(SampleCandidate(), LostOutcome(), now);
  EXPECT_EQ(Ask(SampleCandidate()), Kind::kRefuse);
  backoffs.Ended(SampleCandidate(), AcceptedOutcome(), now);
  EXPECT_EQ(Ask(SampleCandidate()), Kind::kGo);
  EXPECT_EQ(FailAndWait(SlotBackoff::kTransient), absl::Seconds(1));
}

TEST_F(SlotBackoffsTest, AcceptedSignInsOfAnUnstableSlotGrowOn) {
  FailAndWait(SlotBackoff::kGrowing);
  backoffs.Ended(SampleCandidate(), AcceptedOutcome(), now);
  EXPECT_EQ(FailAndWait(SlotBackoff::kGrowing), absl::Minutes(2));
  backoffs.Ended(SampleCandidate(), AcceptedOutcome(), now);
  EXPECT_EQ(FailAndWait(SlotBackoff::kGrowing), absl::Minutes(4));
}

TEST_F(SlotBackoffsTest, GrowthIsForgottenAfterAnHourWithoutFailure) {
  for (int i = 0; i < 3; ++i) FailAndWait(SlotBackoff::kGrowing);
  now += absl::Hours(1) - absl::Milliseconds(1);
  EXPECT_EQ(FailAndWait(SlotBackoff::kGrowing), absl::Minutes(8));
  now += absl::Hours(1);
  EXPECT_EQ(FailAndWait(SlotBackoff::kGrowing), absl::Minutes(1));
}

TEST(SignInFailedTest, NamesOrganizationAndCode) {
  BillError error;
  error.code = "BDC_1354";
  error.detail = "HTTP 400 with BDC_1354";
  const absl::Status status = SignInFailed(kFirstOrganization, kAcme, Reason::kMfaRequired, error);
  EXPECT_THAT(status, AllOf(HasReason(Reason::kMfaRequired), HasMetadata("bill_code", "BDC_1354"),
                            HasMetadata("organization_id", kFirstOrganization),
                            HasMetadata("credential", kAcme)));
  EXPECT_THAT(status.message(), HasSubstr("enroll one at BILL"));
}

TEST(SignInFailedTest, NamesThePartnerIfThereIsNoOrganization) {
  const absl::Status status = SignInFailed("", kAcme, Reason::kBillUnavailable, BillError());
  EXPECT_THAT(status.message(), HasSubstr("partner of credential \"acme-accounts-payable\""));
}

}  // namespace
}  // namespace billbroker
