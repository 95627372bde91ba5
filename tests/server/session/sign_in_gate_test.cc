#include "server/session/sign_in_gate.h"

#include <gtest/gtest.h>

namespace billbroker {
namespace {

using GateAnswer = SignInGate::Answer;
using Ending = SignInGate::Ending;

constexpr char kGateUser[] = "user@example.com";
constexpr char kSecret[] = "secret-fingerprint-1";

class SignInGateTest : public ::testing::Test {
 protected:
  // Asks for a place and takes it if the gate allows it.
  GateAnswer Ask() {
    const GateAnswer answer = gate.Ask(kGateUser, kSecret, now);
    if (answer == GateAnswer::kGo) gate.Take(kGateUser);
    return answer;
  }
  void End(Ending ending) { gate.End(kGateUser, kSecret, ending, now); }

  absl::Duration now = absl::Hours(5);
  SignInGate gate{3};
};

TEST_F(SignInGateTest, UnprovenSecretHasOnePlaceProvenThree) {
  EXPECT_EQ(Ask(), GateAnswer::kGo);
  EXPECT_EQ(Ask(), GateAnswer::kWait);
  End(Ending::kAccepted);
  EXPECT_EQ(Ask(), GateAnswer::kGo);
  EXPECT_EQ(Ask(), GateAnswer::kGo);
  EXPECT_EQ(Ask(), GateAnswer::kGo);
  EXPECT_EQ(Ask(), GateAnswer::kWait);
}

TEST_F(SignInGateTest, CountsSignInsUnderWayAsFailed) {
  EXPECT_EQ(Ask(), GateAnswer::kGo);
  End(Ending::kFailed);
  EXPECT_EQ(Ask(), GateAnswer::kGo);
  End(Ending::kAccepted);
  EXPECT_EQ(Ask(), GateAnswer::kGo);
  EXPECT_EQ(Ask(), GateAnswer::kGo);
  EXPECT_EQ(Ask(), GateAnswer::kWait) << "one sign-in failed within the hour and two may fail";
}

TEST_F(SignInGateTest, RefusesAfterThreeFailuresForAnHour) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(Ask(), GateAnswer::kGo);
    End(Ending::kFailed);
    now += absl::Minutes(10);
  }
  EXPECT_EQ(Ask(), GateAnswer::kRefused);
  EXPECT_EQ(gate.RetryAfter(kGateUser, now), absl::Minutes(30));
  now += absl::Minutes(30);
  EXPECT_EQ(Ask(), GateAnswer::kGo);
}

TEST_F(SignInGateTest, UsersAreIndependent) {
  EXPECT_EQ(Ask(), GateAnswer::kGo);
  EXPECT_EQ(gate.Ask("another@example.com", kSecret, now), GateAnswer::kGo);
}

TEST_F(SignInGateTest, CountsFailuresBeforeRestart) {
  for (int i = 0; i < 3; ++i) gate.Restore(kGateUser, Ending::kFailed, now - absl::Minutes(50));
  EXPECT_EQ(Ask(), GateAnswer::kRefused);
  EXPECT_EQ(gate.RetryAfter(kGateUser, now), absl::Minutes(10));
}

TEST_F(SignInGateTest, CountsAttemptsInterruptedByRestart) {
  for (int i = 0; i < 6; ++i) gate.Restore(kGateUser, Ending::kUnclear, now);
  EXPECT_EQ(Ask(), GateAnswer::kRefused);
}

}  // namespace
}  // namespace billbroker
