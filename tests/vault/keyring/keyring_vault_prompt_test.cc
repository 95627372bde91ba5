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
    items_.next_writes = {WriteAnswer::kPrompts};
    const auto shown = std::make_shared<std::promise<void>>();
    items_.on_prompt = [shown] { shown->set_value(); };
    std::jthread writer([this] {
      vault_->AllowPrompts(true);
      EXPECT_THAT(vault_->Create(first_), IsOk());
    });
    EXPECT_TRUE(AwaitReady(shown->get_future(), "the prompt"));
    return writer;
  }
  void ConfirmPrompt() {
    items_.prompted_write();
    items_.prompted(absl::OkStatus());
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
  items_.on_prompt = [this] {
    items_.prompted(VaultError(VaultState::kNeedsConfirmation, {"a person refused the change"}));
  };
  const absl::Status created = vault_->Create(first_);
  EXPECT_EQ(VaultStateOf(created), VaultState::kNeedsConfirmation);
  EXPECT_THAT(created.message(), HasSubstr("a person refused"));
}

TEST_F(KeyringVaultPromptTest, ConfirmedWriteThatStoresNothingIsNotRepeated) {
  vault_->AllowPrompts(true);
  items_.next_writes = {WriteAnswer::kPrompts};
  items_.on_prompt = [this] { items_.prompted(absl::OkStatus()); };
  const absl::Status created = vault_->Create(first_);
  EXPECT_THAT(created.message(), HasSubstr("answered OK and stored nothing"));
  EXPECT_TRUE(HasUnknownOutcome(created));
  EXPECT_EQ(items_.writes, 1);
}

TEST_F(KeyringVaultPromptTest, FailedReadBackOfAConfirmedWriteIsNamed) {
  vault_->AllowPrompts(true);
  items_.next_writes = {WriteAnswer::kPrompts};
  items_.on_prompt = [this] {
    ConfirmPrompt();
    items_.state = VaultState::kLocked;
  };
  const absl::Status created = vault_->Create(first_);
  EXPECT_EQ(VaultStateOf(created), VaultState::kLocked);
  EXPECT_TRUE(HasUnknownOutcome(created));
}

TEST_F(KeyringVaultPromptTest, EqualDuplicatesAreChangedToTheEnd) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  FakeItems::Item& item = items_.by_path.at("/items/1");
  items_.by_path["/items/again"] = {item.attributes, item.label, item.secret.Clone()};
  vault_->AllowPrompts(true);
  items_.on_prompt = [this] { ConfirmPrompt(); };
  items_.next_writes = {WriteAnswer::kPrompts};  // removes the duplicate
  EXPECT_THAT(vault_->Replace(second_), IsOk());
  items_.by_path["/items/again"] = {item.attributes, item.label, item.secret.Clone()};
  items_.next_writes = {WriteAnswer::kPrompts, WriteAnswer::kPrompts};
  EXPECT_THAT(vault_->Delete("acme-payables-user", second_.uid, 2), IsOk());
  EXPECT_EQ(items_.by_path.size(), 1U) << "the master key";
}

TEST_F(KeyringVaultPromptTest, RefusedPromptOfAStoredKeyReturnsTheKey) {
  OpenWithoutKey();
  vault_->AllowPrompts(true);
  items_.next_writes = {WriteAnswer::kPrompts};
  items_.on_prompt = [this] {
    items_.prompted_write();
    items_.prompted(VaultError(VaultState::kNeedsConfirmation));
  };
  EXPECT_THAT(vault_->CreateMasterKey(), IsOk());
  EXPECT_EQ(items_.writes, 1);
}

TEST_F(KeyringVaultPromptTest, OtherCallsGoOnDuringAPrompt) {
  ASSERT_THAT(vault_->Create(SampleUser("mill-payables-user")), IsOk());
  const std::jthread writer = CreateUntilPrompt();
  EXPECT_THAT(vault_->Load("mill-payables-user"), IsOk());
  ConfirmPrompt();
}

TEST_F(KeyringVaultPromptTest, WriteOfOneCredentialWaitsForAPerson) {
  KeyringOptions options;
  options.call_timeout = absl::Milliseconds(20);
  Open(options);
  const std::jthread writer = CreateUntilPrompt();
  EXPECT_THAT(vault_->Create(first_).message(), HasSubstr("another change of the credential"));
  EXPECT_THAT(vault_->Create(SampleUser("mill-payables-user")), IsOk());
  ConfirmPrompt();
}

TEST_F(KeyringVaultPromptTest, OnlyTheThreadThatAllowsPromptsShowsThem) {
  std::jthread([this] { vault_->AllowPrompts(true); }).join();
  items_.next_writes = {WriteAnswer::kPrompts};
  EXPECT_THAT(vault_->Create(first_), HasReason(Reason::kVaultLocked));
}

TEST_F(KeyringVaultPromptTest, ShutdownEndsThePrompt) {
  vault_->AllowPrompts(true);
  items_.next_writes = {WriteAnswer::kPrompts, WriteAnswer::kPrompts};
  items_.on_prompt = [this] { vault_->StopPrompts(); };
  for (int i = 0; i < 2; ++i) {
    const absl::Status created = vault_->Create(first_);
    EXPECT_THAT(created.message(), HasSubstr("the broker is shutting down"));
    EXPECT_TRUE(HasUnknownOutcome(created));
    items_.on_prompt = [] { ADD_FAILURE() << "shown"; };
  }
  EXPECT_TRUE(items_.prompt_dismissed);
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
