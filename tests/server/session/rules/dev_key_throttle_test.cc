#include "server/session/rules/dev_key_throttle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/session/sign_in_outcome.h"
#include "tests/server/session/rules/sample_candidate.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using Kind = RuleAnswer::Kind;

class DevKeyThrottleTest : public ::testing::Test {
 protected:
  static SignInOutcome Bare429() {
    SignInOutcome outcome;
    outcome.throttled = true;
    return outcome;
  }
  Kind Ask(const SignInCandidate& candidate = SampleCandidate()) {
    return throttle.Check(candidate, now).kind();
  }
  void Try(const SignInOutcome& outcome) {
    throttle.Started(SampleCandidate(), now);
    throttle.Ended(SampleCandidate(), outcome, now);
  }
  // Returns how long the devKey waits.
  absl::Duration Wait() {
    const RuleAnswer answer = throttle.Check(SampleCandidate(), now);
    return answer.kind() == Kind::kWait ? answer.until() - now : absl::ZeroDuration();
  }

  absl::Duration now = absl::Hours(50);
  FixedRandom random{0};
  DevKeyThrottle throttle{random};
};

TEST_F(DevKeyThrottleTest, GoesUntilTheFirst429) {
  Try(AcceptedOutcome());
  EXPECT_EQ(Ask(), Kind::kGo);
  Try(Bare429());
  EXPECT_EQ(Ask(SampleCandidate(kSecondOrganization)), Kind::kWait);
}

TEST_F(DevKeyThrottleTest, WaitsDoubleUpToAMinute) {
  for (const int seconds : {1, 2, 4, 8, 16, 32, 60, 60}) {
    Try(Bare429());
    EXPECT_EQ(Wait(), absl::Seconds(seconds));
    now += Wait();
  }
}

TEST_F(DevKeyThrottleTest, OneSignInGoesAtATimeAfterwards) {
  Try(Bare429());
  now += absl::Seconds(1);
  ASSERT_EQ(Ask(), Kind::kGo);
  throttle.Started(SampleCandidate(), now);
  const RuleAnswer answer = throttle.Check(SampleCandidate(kSecondOrganization), now);
  EXPECT_EQ(answer.kind(), Kind::kWait);
  EXPECT_EQ(answer.until(), absl::InfiniteDuration());
  throttle.Released(SampleCandidate(), now);
  EXPECT_EQ(Ask(SampleCandidate(kSecondOrganization)), Kind::kGo);
}

TEST_F(DevKeyThrottleTest, JudgedAnswerEndsIt) {
  Try(Bare429());
  now += absl::Seconds(1);
  Try(AcceptedOutcome());
  EXPECT_EQ(Ask(), Kind::kGo);
  Try(Bare429());
  EXPECT_EQ(Wait(), absl::Seconds(1));
}

TEST_F(DevKeyThrottleTest, LostAnswerDoesNotEndIt) {
  Try(Bare429());
  now += absl::Seconds(1);
  Try(SignInOutcome());
  Try(Bare429());
  EXPECT_EQ(Wait(), absl::Seconds(2));
}

TEST_F(DevKeyThrottleTest, SignInsThatStartedBeforeCountOnce) {
  for (int n = 0; n < 5; ++n) throttle.Started(SampleCandidate(), now);
  for (int n = 0; n < 5; ++n) throttle.Ended(SampleCandidate(), Bare429(), now);
  EXPECT_EQ(Wait(), absl::Seconds(1));
}

TEST_F(DevKeyThrottleTest, DevKeysAreIndependent) {
  Try(Bare429());
  SignInCandidate other = SampleCandidate();
  other.dev_key.dev_key_id = "dev-key-fingerprint-of-zenith";
  EXPECT_EQ(Ask(other), Kind::kGo);
}

TEST_F(DevKeyThrottleTest, ExplainsWithTheTimeOfTheNextSignIn) {
  Try(Bare429());
  EXPECT_THAT(throttle.Explain(SampleCandidate(), now), HasReason(Reason::kBillUnavailable));
  EXPECT_THAT(throttle.Explain(SampleCandidate(), now), HasRetryAfter(absl::Seconds(1)));
}

}  // namespace
}  // namespace billbroker
