// SessionManager::GetAtOnce(): answers that need neither the vault nor BILL.
#include <gtest/gtest.h>

#include "tests/server/session/session_manager_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using SessionManagerAtOnceTest = SessionManagerTest;

TEST_F(SessionManagerAtOnceTest, AnswersFromMemoryAndNeverAsksBill) {
  EXPECT_FALSE(manager.GetAtOnce(kFirst, "", {}).has_value());
  executor.RunUntilIdle();
  EXPECT_EQ(bill.CountSignIns(), 0);

  const SessionPtr live = *Get();
  EXPECT_EQ(**manager.GetAtOnce(kFirst, "", {}), live);
  EXPECT_THAT(manager.GetAtOnce(kFirst, "unknown-credential", {})->status(),
              HasReason(Reason::kVaultUnreachable))
      << "the credential index is incomplete";
  SessionDemand trusted;
  trusted.require_trusted = true;
  EXPECT_THAT(manager.GetAtOnce(kFirst, "", trusted)->status(), HasReason(Reason::kMfaRequired));
  executor.Advance(absl::Seconds(2));
  EXPECT_FALSE(manager.GetAtOnce(kFirst, "", Stale(live->generation)).has_value())
      << "the report needs a check at BILL";
  EXPECT_FALSE(manager.GetAtOnce(kSecond, "", {}).has_value());
  SessionDemand cached;
  cached.cached_only = true;
  EXPECT_THAT(manager.GetAtOnce(kSecond, "", cached)->status(), HasReason(Reason::kNoLiveSession));
}

}  // namespace
}  // namespace billbroker
