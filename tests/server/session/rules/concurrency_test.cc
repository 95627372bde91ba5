#include "server/session/rules/concurrency.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/session/rules/sample_candidate.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using Blocks = RuleAnswer::Blocks;

constexpr absl::Duration kConcurrencyNow = absl::Hours(50);

// Returns a candidate that shares nothing with candidates of other numbers.
SignInCandidate Numbered(int number) {
  SignInCandidate candidate = SampleCandidate(absl::StrCat("008000000000000001", number));
  candidate.user.username = absl::StrCat("user-number-", number, "@acme.example");
  candidate.dev_key.dev_key_id = absl::StrCat("dev-key-fingerprint-", number);
  return candidate;
}

class ConcurrencyTest : public ::testing::Test {
 protected:
  RuleAnswer Check(const SignInCandidate& candidate) {
    return concurrency.Check(candidate, kConcurrencyNow);
  }
  void Start(const SignInCandidate& candidate) {
    ASSERT_TRUE(Check(candidate).ok());
    concurrency.Started(candidate, kConcurrencyNow);
  }

  FixedRandom random{0};
  Concurrency concurrency{ConcurrencyOptions(), random};
};

TEST_F(ConcurrencyTest, AllowsTwoSignInsOfAUser) {
  Start(SampleCandidate(kFirstOrganization));
  Start(SampleCandidate(kSecondOrganization));
  const RuleAnswer answer = Check(SampleCandidate(kThirdOrganization));
  EXPECT_EQ(answer.kind(), RuleAnswer::Kind::kWait);
  EXPECT_EQ(answer.blocks(), Blocks::kUser);
  EXPECT_EQ(answer.until(), absl::InfiniteDuration());
  EXPECT_TRUE(Check(Numbered(1)).ok()) << "another user";
  concurrency.Ended(SampleCandidate(kFirstOrganization), AcceptedOutcome(), kConcurrencyNow);
  EXPECT_TRUE(Check(SampleCandidate(kThirdOrganization)).ok());
}

TEST_F(ConcurrencyTest, AllowsSixteenSignInsOfADevKey) {
  for (int i = 0; i < 17; ++i) {
    SignInCandidate candidate = Numbered(i);
    candidate.dev_key = SampleCandidate().dev_key;
    EXPECT_EQ(Check(candidate).ok(), i < 16);
    if (i < 16) Start(candidate);
  }
  EXPECT_EQ(Check(SampleCandidate()).blocks(), Blocks::kDevKey);
  EXPECT_TRUE(Check(Numbered(20)).ok()) << "another devKey";
}

TEST_F(ConcurrencyTest, AllowsSixtyFourSignInsInAll) {
  for (int i = 0; i < 64; ++i) Start(Numbered(i));
  EXPECT_EQ(concurrency.under_way(), 64);
  EXPECT_EQ(Check(Numbered(64)).blocks(), Blocks::kAll);
  concurrency.Released(Numbered(7), kConcurrencyNow);
  EXPECT_TRUE(Check(Numbered(64)).ok());
}

TEST_F(ConcurrencyTest, AllowsOneSignInOfADevKeyAtAnOrganization) {
  Start(SampleCandidate());
  SignInCandidate candidate = SampleCandidate();
  candidate.user.username = "another-user@acme.example";
  EXPECT_EQ(Check(candidate).kind(), RuleAnswer::Kind::kWait);
  EXPECT_EQ(Check(candidate).blocks(), Blocks::kThisOne);
  candidate.dev_key.dev_key_id = "dev-key-fingerprint-of-another";
  EXPECT_TRUE(Check(candidate).ok());
  concurrency.Released(SampleCandidate(), kConcurrencyNow);
  EXPECT_TRUE(Check(SampleCandidate()).ok());
}

TEST_F(ConcurrencyTest, LimitsAreOptions) {
  Concurrency one({1, 1, 1}, random);
  one.Started(SampleCandidate(), kConcurrencyNow);
  EXPECT_FALSE(one.Check(Numbered(1), kConcurrencyNow).ok());
}

TEST_F(ConcurrencyTest, ExplainsWithAShortTimeToWait) {
  EXPECT_THAT(concurrency.Explain(SampleCandidate(), kConcurrencyNow),
              AllOf(HasReason(Reason::kLoginBudgetSpent), HasRetryAfter(absl::Seconds(1))));
}

}  // namespace
}  // namespace billbroker
