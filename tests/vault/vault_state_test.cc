#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/status_matchers.h"
#include "vault/base/error.h"
#include "vault/vault.h"

namespace billbroker {
namespace {

constexpr VaultState kBadStates[] = {VaultState::kLocked,
                                     VaultState::kNoBus,
                                     VaultState::kNoProvider,
                                     VaultState::kNoCollection,
                                     VaultState::kTimedOut,
                                     VaultState::kUnknown,
                                     VaultState::kNeedsConfirmation,
                                     VaultState::kFailing,
                                     VaultState::kNotEncrypted,
                                     VaultState::kReplaced,
                                     VaultState::kKeyInvalid};

TEST(VaultStateTest, GoldenErrorOfEachStateNamesItsFix) {
  for (const VaultState state : kBadStates) {
    const absl::Status status = VaultError(state);
    EXPECT_EQ(VaultStateOf(status), state) << status;
    EXPECT_FALSE(VaultFindingOf(status).fix.empty());
    EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(VaultFindingOf(status).fix));
    const bool locked = state == VaultState::kLocked || state == VaultState::kNeedsConfirmation;
    EXPECT_THAT(status, HasReason(locked ? Reason::kVaultLocked : Reason::kVaultUnreachable));
  }
}

TEST(VaultStateTest, FixFitsTheProvider) {
  for (const VaultState state : {VaultState::kLocked, VaultState::kNoCollection,
                                 VaultState::kNeedsConfirmation, VaultState::kNoProvider}) {
    EXPECT_THAT(VaultFindingOf(VaultError(state, {.program = "keepassxc"})).fix,
                ::testing::HasSubstr("KeePassXC"));
    EXPECT_THAT(VaultFindingOf(VaultError(state, {.program = "kwalletd5"})).fix,
                ::testing::HasSubstr("wallet"));
  }
  EXPECT_THAT(VaultFindingOf(VaultError(VaultState::kLocked)).fix,
              ::testing::HasSubstr("--replace --unlock"));
  EXPECT_THAT(VaultFindingOf(VaultError(VaultState::kNoProvider)).fix,
              ::testing::HasSubstr("--start --components=secrets"));
}

TEST(VaultStateTest, UnconfirmedChangeNamesTheFlag) {
  for (const char* program : {"", "keepassxc", "kwalletd5", "gnome-keyring-daemon"}) {
    const absl::Status status = VaultError(VaultState::kNeedsConfirmation, {.program = program});
    EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("--allow-prompt")) << program;
  }
}

TEST(VaultStateTest, FindingReplacesTheGeneralText) {
  const absl::Status status = VaultError(VaultState::kNoBus, {"it belongs to uid 1000", "be him"});
  EXPECT_EQ(status.message(), "it belongs to uid 1000; be him");
  EXPECT_EQ(VaultStateOf(status), VaultState::kNoBus);
}

TEST(VaultStateTest, UnknownOutcomeIsMetadata) {
  const absl::Status status = WithUnknownOutcome(VaultError(VaultState::kTimedOut));
  EXPECT_THAT(status, HasMetadata("outcome", "unknown"));
  EXPECT_EQ(VaultStateOf(status), VaultState::kTimedOut);
}

TEST(VaultStateTest, OtherErrorsMeanReady) {
  EXPECT_EQ(VaultStateOf(absl::OkStatus()), VaultState::kReady);
  EXPECT_EQ(VaultStateOf(absl::InternalError("bug")), VaultState::kReady);
  EXPECT_EQ(VaultStateOf(UnknownCredential("acme-payables-user")), VaultState::kReady);
}

}  // namespace
}  // namespace billbroker
