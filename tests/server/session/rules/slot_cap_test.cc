#include "server/session/rules/slot_cap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/session/rules/sample_candidate.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class SlotCapTest : public ::testing::Test {
 protected:
  bool Goes(const SignInCandidate& candidate) { return cap.Check(candidate, now).ok(); }
  // Makes sign-ins for as long as the cap allows it, and returns their number.
  int SpendAll(const SignInCandidate& candidate) {
    constexpr int kTooMany = 100;
    int spent = 0;
    while (spent < kTooMany && Goes(candidate)) {
      cap.Started(candidate, now);
      cap.Ended(candidate, AcceptedOutcome(), now);
      ++spent;
    }
    return spent;
  }

  absl::Duration now = absl::Hours(50);
  FixedRandom random{0};
  SlotCap cap{SlotCapOptions(), random};
};

TEST_F(SlotCapTest, AllowsSixAndOneMoreEachTenMinutes) {
  EXPECT_EQ(SpendAll(SampleCandidate()), 6);
  now += absl::Minutes(10) - absl::Milliseconds(1);
  EXPECT_FALSE(Goes(SampleCandidate()));
  now += absl::Milliseconds(1);
  EXPECT_EQ(SpendAll(SampleCandidate()), 1);
  now += absl::Minutes(35);
  EXPECT_EQ(SpendAll(SampleCandidate()), 3);
  now += absl::Hours(24);
  EXPECT_EQ(SpendAll(SampleCandidate()), 6) << "the bucket holds no more";
}

TEST_F(SlotCapTest, SlotsAreIndependent) {
  SpendAll(SampleCandidate());
  EXPECT_EQ(SpendAll(SampleCandidate(kSecondOrganization)), 6);
}

TEST_F(SlotCapTest, CountsSignInsThatNobodyAskedFor) {
  SignInCandidate warm = SampleCandidate();
  warm.purpose = SignInPurpose::kWarm;
  warm.principal.clear();
  EXPECT_EQ(SpendAll(warm), 6);
  EXPECT_FALSE(Goes(SampleCandidate()));
}

TEST_F(SlotCapTest, ProofsAndAdminForcePassAndTakeNothing) {
  SignInCandidate proof = SampleCandidate();
  proof.purpose = SignInPurpose::kProof;
  SignInCandidate admin = SampleCandidate();
  admin.force = SignInForce::kAdmin;
  EXPECT_EQ(SpendAll(proof), 100);
  EXPECT_EQ(SpendAll(admin), 100);
  EXPECT_EQ(SpendAll(SampleCandidate()), 6);
  EXPECT_TRUE(Goes(proof));
  EXPECT_TRUE(Goes(admin));
}

TEST_F(SlotCapTest, OperatorForceDoesNotPass) {
  SignInCandidate forced = SampleCandidate();
  forced.force = SignInForce::kOperator;
  EXPECT_EQ(SpendAll(forced), 6);
}

TEST_F(SlotCapTest, ReleasedAndUnchargedSignInsAreGivenBack) {
  SignInOutcome not_charged;
  not_charged.charged = false;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(Goes(SampleCandidate()));
    cap.Started(SampleCandidate(), now);
    if (i % 2 == 0) {
      cap.Released(SampleCandidate(), now);
    } else {
      cap.Ended(SampleCandidate(), not_charged, now);
    }
  }
  EXPECT_EQ(SpendAll(SampleCandidate()), 6);
}

TEST_F(SlotCapTest, CountsSignInsBeforeRestart) {
  for (const int minutes : {58, 4, 3, 2, 1, 0}) {
    cap.Restore(SampleCandidate().slot, now - absl::Minutes(minutes));
  }
  EXPECT_EQ(SpendAll(SampleCandidate()), 1) << "the oldest was refilled";
  EXPECT_EQ(cap.Check(SampleCandidate(), now).until(), now + absl::Minutes(6));
}

TEST_F(SlotCapTest, ExplainsTheCausesAndTheTimeToWait) {
  SpendAll(SampleCandidate());
  now += absl::Minutes(4);
  const RuleAnswer answer = cap.Check(SampleCandidate(), now);
  EXPECT_EQ(answer.kind(), RuleAnswer::Kind::kWait);
  EXPECT_EQ(answer.blocks(), RuleAnswer::Blocks::kThisOne);
  const absl::Status error = cap.Explain(SampleCandidate(), now);
  EXPECT_THAT(error, AllOf(HasReason(Reason::kLoginBudgetSpent),
                           HasMetadata("organization_id", kFirstOrganization),
                           HasRetryAfter(absl::Minutes(6))));
  EXPECT_THAT(error.message(),
              HasSubstr("its sessions keep being ended, its sign-ins keep failing, "
                        "or they are forced"));
}

TEST_F(SlotCapTest, RemembersEmptyBucketsAmongManyFullOnes) {
  SpendAll(SampleCandidate());
  for (int i = 0; i < 5000; ++i) {
    cap.Restore({"uid-of-another-credential", absl::StrCat("00800000000000", i)},
                now - absl::Hours(1));
  }
  EXPECT_FALSE(Goes(SampleCandidate()));
}

}  // namespace
}  // namespace billbroker
