#include "vault/base/fault_point.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <csignal>
#include <cstdlib>

namespace billbroker {
namespace {

#ifdef BILLBROKER_FAULT_POINTS

TEST(FaultPointDeathTest, KillsTheProcessAtTheNamedHit) {
  const auto third = [] {
    ::setenv("BILLBROKER_FAULT_POINT", "step:3", 1);
    for (int i = 0; i < 2; ++i) FaultPoint("step");
    FaultPoint("another-unique-id-0001");
    ::write(STDERR_FILENO, "twice", 5);
    FaultPoint("step");
  };
  EXPECT_EXIT(third(), ::testing::KilledBySignal(SIGKILL), "twice");
}

TEST(FaultPointTest, DoesNothingByDefault) { FaultPoint("step"); }

#else

// A constant expression reads no environment and sends no signal.
static_assert((FaultPoint("step"), true));

TEST(FaultPointTest, IsEmptyWithoutTheBuildOption) {
  ::setenv("BILLBROKER_FAULT_POINT", "step", 1);
  FaultPoint("step");
}

#endif

}  // namespace
}  // namespace billbroker
