// What the engine answers without waiting.
#include <gtest/gtest.h>

#include "tests/server/session/engine_fixture.h"

namespace billbroker {
namespace {

using EngineAtOnceTest = EngineTest;

TEST_F(EngineAtOnceTest, WhatIsInMemoryIsThereAtOnceAndTheRestIsNotAskedFor) {
  EXPECT_FALSE(engine.GetAtOnce("008acme00000", "", {}).has_value());
  executor.RunUntilIdle();
  EXPECT_EQ(bill.CountSignIns(), 0);

  const SessionPtr live = *Get();
  EXPECT_EQ(**engine.GetAtOnce("008acme00000", "", {}), live);
  EXPECT_TRUE(
      HasReason(engine.GetAtOnce("008acme00000", "ghost", {})->status(), Reason::kVaultUnreachable))
      << "which credentials there are is not known";
  SessionDemand trusted;
  trusted.require_trusted = true;
  EXPECT_TRUE(
      HasReason(engine.GetAtOnce("008acme00000", "", trusted)->status(), Reason::kMfaRequired));
  executor.Advance(absl::Seconds(2));
  EXPECT_FALSE(engine.GetAtOnce("008acme00000", "", Stale(live->generation)).has_value())
      << "it is to be checked";
  EXPECT_FALSE(engine.GetAtOnce("008acme00001", "", {}).has_value());
  SessionDemand cached;
  cached.cached_only = true;
  EXPECT_TRUE(
      HasReason(engine.GetAtOnce("008acme00001", "", cached)->status(), Reason::kNoLiveSession));
}

}  // namespace
}  // namespace billbroker
