#include "server/session/sign_in_gate.h"

#include <gtest/gtest.h>

namespace billbroker {
namespace {

using Answer = SignInGate::Answer;
using Ending = SignInGate::Ending;

class SignInGateTest : public ::testing::Test {
 protected:
  // Asks, and takes the slot where there is one.
  Answer Ask() {
    const Answer answer = gate.Ask("user", "secret", now);
    if (answer == Answer::kGo) gate.Take("user");
    return answer;
  }
  void End(Ending ending) { gate.End("user", "secret", ending, now); }

  absl::Duration now = absl::Hours(5);
  SignInGate gate{3};
};

TEST_F(SignInGateTest, AnUnprovenSecretHasOneSlotAndAProvenOneThree) {
  EXPECT_EQ(Ask(), Answer::kGo);
  EXPECT_EQ(Ask(), Answer::kWait);
  End(Ending::kAccepted);
  EXPECT_EQ(Ask(), Answer::kGo);
  EXPECT_EQ(Ask(), Answer::kGo);
  EXPECT_EQ(Ask(), Answer::kGo);
  EXPECT_EQ(Ask(), Answer::kWait);
}

TEST_F(SignInGateTest, WhatIsUnderWayCountsAsIfItFailed) {
  EXPECT_EQ(Ask(), Answer::kGo);
  End(Ending::kFailed);
  EXPECT_EQ(Ask(), Answer::kGo);
  End(Ending::kAccepted);
  EXPECT_EQ(Ask(), Answer::kGo);
  EXPECT_EQ(Ask(), Answer::kGo);
  EXPECT_EQ(Ask(), Answer::kWait) << "one failed within the hour, two may fail";
}

TEST_F(SignInGateTest, AfterThreeFailuresItRefusesUntilTheFirstIsAnHourOld) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(Ask(), Answer::kGo);
    End(Ending::kFailed);
    now += absl::Minutes(10);
  }
  EXPECT_EQ(Ask(), Answer::kRefused);
  EXPECT_EQ(gate.RetryAfter("user", now), absl::Minutes(30));
  now += absl::Minutes(30);
  EXPECT_EQ(Ask(), Answer::kGo);
}

TEST_F(SignInGateTest, UsersDoNotShareSlots) {
  EXPECT_EQ(Ask(), Answer::kGo);
  EXPECT_EQ(gate.Ask("another", "secret", now), Answer::kGo);
}

TEST_F(SignInGateTest, WhatFailedBeforeARestartStillCounts) {
  for (int i = 0; i < 3; ++i) gate.Restore("user", Ending::kFailed, now - absl::Minutes(50));
  EXPECT_EQ(Ask(), Answer::kRefused);
  EXPECT_EQ(gate.RetryAfter("user", now), absl::Minutes(10));
}

TEST_F(SignInGateTest, AttemptsCutOffByARestartMayHaveFailed) {
  for (int i = 0; i < 6; ++i) gate.Restore("user", Ending::kUnclear, now);
  EXPECT_EQ(Ask(), Answer::kRefused);
}

}  // namespace
}  // namespace billbroker
