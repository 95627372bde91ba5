// Engine::GetAtOnce(): answers that need neither the vault nor BILL.
#include <gtest/gtest.h>

#include "tests/server/session/engine_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using EngineAtOnceTest = EngineTest;

TEST_F(EngineAtOnceTest, AnswersFromMemoryAndNeverAsksBill) {
  EXPECT_FALSE(engine.GetAtOnce(kFirst, "", {}).has_value());
  executor.RunUntilIdle();
  EXPECT_EQ(bill.CountSignIns(), 0);

  const SessionPtr live = *Get();
  EXPECT_EQ(**engine.GetAtOnce(kFirst, "", {}), live);
  EXPECT_THAT(engine.GetAtOnce(kFirst, "unknown-credential", {})->status(),
              HasReason(Reason::kVaultUnreachable))
      << "the directory is incomplete";
  SessionDemand trusted;
  trusted.require_trusted = true;
  EXPECT_THAT(engine.GetAtOnce(kFirst, "", trusted)->status(), HasReason(Reason::kMfaRequired));
  executor.Advance(absl::Seconds(2));
  EXPECT_FALSE(engine.GetAtOnce(kFirst, "", Stale(live->generation)).has_value())
      << "the report needs a check at BILL";
  EXPECT_FALSE(engine.GetAtOnce(kSecond, "", {}).has_value());
  SessionDemand cached;
  cached.cached_only = true;
  EXPECT_THAT(engine.GetAtOnce(kSecond, "", cached)->status(), HasReason(Reason::kNoLiveSession));
}

}  // namespace
}  // namespace billbroker
