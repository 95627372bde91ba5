// Writes of the keyring vault that a person must confirm.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <thread>

#include "tests/support/await.h"
#include "tests/support/sample_credentials.h"
#include "tests/support/status_matchers.h"
#include "tests/vault/keyring/keyring_vault_fixture.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;

class KeyringVaultPromptTest : public KeyringVaultTest {
 protected:
  // Creates first_ on a thread, and returns once its prompt is shown.
  std::jthread CreateUntilPrompt() {
    vault_->AllowPrompts(true);
    items_.next_writes = {WriteAnswer::kPrompts};
    const auto shown = std::make_shared<std::promise<void>>();
    items_.on_prompt = [shown] { shown->set_value(); };
    std::jthread writer([this] { EXPECT_THAT(vault_->Create(first_), IsOk()); });
    EXPECT_TRUE(AwaitReady(shown->get_future(), "the prompt"));
    return writer;
  }
  void ConfirmPrompt() {
    items_.prompted_write();
    items_.prompted(false);
  }
};

TEST_F(KeyringVaultPromptTest, WriteThatNeedsAPersonIsRefused) {
  items_.next_writes = {WriteAnswer::kPrompts};
  const absl::Status created = vault_->Create(first_);
  EXPECT_THAT(created, HasReason(Reason::kVaultLocked));
  EXPECT_EQ(VaultStateOf(created), VaultState::kNeedsConfirmation);
  EXPECT_TRUE(HasUnknownOutcome(created));
  EXPECT_TRUE(items_.prompt_dismissed);
  EXPECT_THAT(vault_->Load("acme-payables-user"), HasReason(Reason::kUnknownCredential));
}

TEST_F(KeyringVaultPromptTest, ConfirmedPromptCompletesTheWrite) {
  vault_->AllowPrompts(true);
  items_.next_writes = {WriteAnswer::kPrompts};
  items_.on_prompt = [this] { ConfirmPrompt(); };
  EXPECT_THAT(vault_->Create(first_), IsOk());
  EXPECT_THAT(vault_->Load("acme-payables-user"), IsOk());
  EXPECT_FALSE(items_.prompt_dismissed);
}

TEST_F(KeyringVaultPromptTest, RefusedPromptFailsTheWrite) {
  vault_->AllowPrompts(true);
  items_.next_writes = {WriteAnswer::kPrompts};
  items_.on_prompt = [this] { items_.prompted(true); };
  const absl::Status created = vault_->Create(first_);
  EXPECT_EQ(VaultStateOf(created), VaultState::kNeedsConfirmation);
  EXPECT_THAT(created.message(), HasSubstr("a person refused"));
}

TEST_F(KeyringVaultPromptTest, OtherCallsGoOnDuringAPrompt) {
  ASSERT_THAT(vault_->Create(SampleUser("mill-payables-user")), IsOk());
  const std::jthread writer = CreateUntilPrompt();
  EXPECT_THAT(vault_->Load("mill-payables-user"), IsOk());
  ConfirmPrompt();
}

TEST_F(KeyringVaultPromptTest, OneWriteAtATimeWaitsForAPerson) {
  KeyringOptions options;
  options.call_timeout = absl::Milliseconds(20);
  Open(options);
  const std::jthread writer = CreateUntilPrompt();
  EXPECT_THAT(vault_->Create(SampleUser("mill-payables-user")).message(),
              HasSubstr("another change waits for a person"));
  ConfirmPrompt();
}

TEST_F(KeyringVaultPromptTest, PromptThatNobodyAnswersEnds) {
  KeyringOptions options;
  options.prompt_timeout = absl::Milliseconds(1);
  Open(options);
  vault_->AllowPrompts(true);
  items_.next_writes = {WriteAnswer::kPrompts};
  const absl::Status created = vault_->Create(first_);
  EXPECT_EQ(VaultStateOf(created), VaultState::kNeedsConfirmation);
  EXPECT_TRUE(HasUnknownOutcome(created));
  EXPECT_TRUE(items_.prompt_dismissed);
}

}  // namespace
}  // namespace billbroker
