#include "server/session/sign_in_gate.h"

#include <gtest/gtest.h>

namespace billbroker {
namespace {

using Answer = SignInGate::Answer;
using Ending = SignInGate::Ending;

constexpr char kUser[] = "user@example.com";
constexpr char kSecret[] = "secret-fingerprint-1";

class SignInGateTest : public ::testing::Test {
 protected:
  // Asks for a place and takes it if the gate allows it.
  Answer Ask() {
    const Answer answer = gate.Ask(kUser, kSecret, now);
    if (answer == Answer::kGo) gate.Take(kUser);
    return answer;
  }
  void End(Ending ending) { gate.End(kUser, kSecret, ending, now); }

  absl::Duration now = absl::Hours(5);
  SignInGate gate{3};
};

TEST_F(SignInGateTest, UnprovenSecretHasOnePlaceProvenThree) {
  EXPECT_EQ(Ask(), Answer::kGo);
  EXPECT_EQ(Ask(), Answer::kWait);
  End(Ending::kAccepted);
  EXPECT_EQ(Ask(), Answer::kGo);
  EXPECT_EQ(Ask(), Answer::kGo);
  EXPECT_EQ(Ask(), Answer::kGo);
  EXPECT_EQ(Ask(), Answer::kWait);
}

TEST_F(SignInGateTest, CountsSignInsUnderWayAsFailed) {
  EXPECT_EQ(Ask(), Answer::kGo);
  End(Ending::kFailed);
  EXPECT_EQ(Ask(), Answer::kGo);
  End(Ending::kAccepted);
  EXPECT_EQ(Ask(), Answer::kGo);
  EXPECT_EQ(Ask(), Answer::kGo);
  EXPECT_EQ(Ask(), Answer::kWait) << "one sign-in failed within the hour and two may fail";
}

TEST_F(SignInGateTest, RefusesAfterThreeFailuresForAnHour) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(Ask(), Answer::kGo);
    End(Ending::kFailed);
    now += absl::Minutes(10);
  }
  EXPECT_EQ(Ask(), Answer::kRefused);
  EXPECT_EQ(gate.RetryAfter(kUser, now), absl::Minutes(30));
  now += absl::Minutes(30);
  EXPECT_EQ(Ask(), Answer::kGo);
}

TEST_F(SignInGateTest, UsersAreIndependent) {
  EXPECT_EQ(Ask(), Answer::kGo);
  EXPECT_EQ(gate.Ask("another@example.com", kSecret, now), Answer::kGo);
}

TEST_F(SignInGateTest, CountsFailuresBeforeRestart) {
  for (int i = 0; i < 3; ++i) gate.Restore(kUser, Ending::kFailed, now - absl::Minutes(50));
  EXPECT_EQ(Ask(), Answer::kRefused);
  EXPECT_EQ(gate.RetryAfter(kUser, now), absl::Minutes(10));
}

TEST_F(SignInGateTest, CountsAttemptsInterruptedByRestart) {
  for (int i = 0; i < 6; ++i) gate.Restore(kUser, Ending::kUnclear, now);
  EXPECT_EQ(Ask(), Answer::kRefused);
}

}  // namespace
}  // namespace billbroker
