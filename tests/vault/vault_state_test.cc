#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/status_matchers.h"
#include "vault/base/error.h"
#include "vault/vault.h"

namespace billbroker {
namespace {

TEST(VaultStateTest, GoldenErrorOfEachStateNamesItsFix) {
  EXPECT_EQ(VaultFix(VaultState::kReady), "");
  for (const VaultState state :
       {VaultState::kLocked, VaultState::kNoBus, VaultState::kNoProvider, VaultState::kNoCollection,
        VaultState::kTimedOut, VaultState::kUnknown}) {
    const absl::Status status = VaultError(state);
    EXPECT_EQ(VaultStateOf(status), state) << status;
    EXPECT_FALSE(VaultFix(state).empty());
    EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(std::string(VaultFix(state))));
    const bool locked = state == VaultState::kLocked;
    EXPECT_THAT(status, HasReason(locked ? Reason::kVaultLocked : Reason::kVaultUnreachable));
  }
}

TEST(VaultStateTest, OtherErrorsMeanReady) {
  EXPECT_EQ(VaultStateOf(absl::OkStatus()), VaultState::kReady);
  EXPECT_EQ(VaultStateOf(absl::InternalError("bug")), VaultState::kReady);
  EXPECT_EQ(VaultStateOf(UnknownCredential("acme-payables-user")), VaultState::kReady);
}

}  // namespace
}  // namespace billbroker
