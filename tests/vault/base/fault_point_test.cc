#include "vault/base/fault_point.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <csignal>
#include <cstdlib>

namespace billbroker {
namespace {

#ifdef BILLBROKER_FAULT_POINTS

TEST(FaultPointDeathTest, TheWantedStepKillsTheProcessAtTheWantedTime) {
  const auto third = [] {
    ::setenv("BILLBROKER_FAULT_POINT", "step:3", 1);
    for (int i = 0; i < 2; ++i) FaultPoint("step");
    FaultPoint("another");
    ::write(STDERR_FILENO, "twice", 5);
    FaultPoint("step");
  };
  EXPECT_EXIT(third(), ::testing::KilledBySignal(SIGKILL), "twice");
}

TEST(FaultPointTest, NothingIsWantedByDefault) { FaultPoint("step"); }

#else

// It can be computed while this is compiled, so it looks at no environment and sends no signal.
static_assert((FaultPoint("step"), true));

TEST(FaultPointTest, WithoutTheOptionItIsEmpty) {
  ::setenv("BILLBROKER_FAULT_POINT", "step", 1);
  FaultPoint("step");
}

#endif

}  // namespace
}  // namespace billbroker
