#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "vault/base/error.h"
#include "vault/vault.h"

namespace billbroker {
namespace {

TEST(VaultStateTest, EveryStateButReadyIsAnErrorThatCarriesItsFix) {
  EXPECT_EQ(VaultFix(VaultState::kReady), "");
  for (const VaultState state :
       {VaultState::kLocked, VaultState::kNoBus, VaultState::kNoProvider, VaultState::kNoCollection,
        VaultState::kTimedOut, VaultState::kUnknown}) {
    const absl::Status status = VaultError(state);
    EXPECT_EQ(VaultStateOf(status), state) << status;
    EXPECT_FALSE(VaultFix(state).empty());
    EXPECT_TRUE(absl::StrContains(status.message(), VaultFix(state))) << status;
    const bool locked = state == VaultState::kLocked;
    EXPECT_TRUE(HasReason(status, locked ? Reason::kVaultLocked : Reason::kVaultUnreachable));
  }
}

TEST(VaultStateTest, OtherErrorsSayNothingOfTheVault) {
  EXPECT_EQ(VaultStateOf(absl::OkStatus()), VaultState::kReady);
  EXPECT_EQ(VaultStateOf(absl::InternalError("bug")), VaultState::kReady);
  EXPECT_EQ(VaultStateOf(UnknownCredential("acme")), VaultState::kReady);
}

}  // namespace
}  // namespace billbroker
