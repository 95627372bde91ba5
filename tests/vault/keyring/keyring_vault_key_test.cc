// The master key of the keyring vault, and keyrings that have another one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/support/status_matchers.h"
#include "tests/vault/keyring/keyring_vault_fixture.h"

namespace billbroker {
namespace {

using KeyringVaultKeyTest = KeyringVaultTest;

TEST_F(KeyringVaultKeyTest, MasterKeyIsTheStoredOne) {
  OpenWithoutKey();
  EXPECT_THAT(vault_->MasterKey(), StatusIs(absl::StatusCode::kNotFound));
  items_.next_writes = {WriteAnswer::kLostAndDone};
  const absl::StatusOr<SecretString> key = vault_->CreateMasterKey();
  ASSERT_THAT(key, IsOk());
  EXPECT_EQ(items_.writes, 1);
  EXPECT_TRUE(*key == *vault_->MasterKey());
  items_.by_path.clear();
  items_.next_writes = {WriteAnswer::kLostAndNotDone, WriteAnswer::kLostAndNotDone};
  EXPECT_EQ(VaultStateOf(vault_->CreateMasterKey().status()), VaultState::kTimedOut);
}

TEST_F(KeyringVaultKeyTest, KeyThatWasNotStoredIsNotUsed) {
  OpenWithoutKey();
  items_.next_writes = {WriteAnswer::kOkAndNotDone, WriteAnswer::kOkAndNotDone};
  EXPECT_EQ(VaultStateOf(vault_->CreateMasterKey().status()), VaultState::kFailing);
  items_.next_writes = {WriteAnswer::kPrompts};
  EXPECT_EQ(VaultStateOf(vault_->CreateMasterKey().status()), VaultState::kNeedsConfirmation);
  EXPECT_TRUE(items_.prompt_dismissed);
}

TEST_F(KeyringVaultKeyTest, NothingIsWrittenBeforeAKeyIsTrusted) {
  OpenWithoutKey();
  EXPECT_EQ(VaultStateOf(vault_->Create(first_)), VaultState::kUnknown);
  EXPECT_EQ(items_.writes, 0);
}

TEST_F(KeyringVaultKeyTest, EmptyKeyringIsNotADeletion) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.writes = 0;
  const auto kept = std::exchange(items_.by_path, {});
  EXPECT_EQ(VaultStateOf(vault_->Load("mill-payables-user").status()), VaultState::kReplaced);
  EXPECT_EQ(VaultStateOf(vault_->LoadAll().status()), VaultState::kReplaced);
  EXPECT_EQ(VaultStateOf(vault_->Probe()), VaultState::kReplaced);
  EXPECT_EQ(VaultStateOf(vault_->MasterKey().status()), VaultState::kReplaced);
  EXPECT_EQ(VaultStateOf(vault_->Create(first_)), VaultState::kReplaced);
  EXPECT_EQ(VaultStateOf(vault_->Delete("acme-payables-user", first_.uid, 1)),
            VaultState::kReplaced);
  EXPECT_EQ(items_.writes, 0);
}

TEST_F(KeyringVaultKeyTest, AnotherKeyIsNotTrusted) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.by_path.at("/items/0").secret = SecretString::CopyOf(std::string(64, 'a'));
  EXPECT_EQ(VaultStateOf(vault_->Probe()), VaultState::kReplaced);
  EXPECT_EQ(VaultStateOf(vault_->Replace(second_)), VaultState::kReplaced);
  items_.by_path.at("/items/0").secret = SecretString::CopyOf("damaged");
  EXPECT_EQ(VaultStateOf(vault_->Probe()), VaultState::kKeyInvalid);
}

TEST_F(KeyringVaultKeyTest, GarbledKeyIsReadAgainInANewSession) {
  items_.garbage_in_session = 1;
  EXPECT_THAT(vault_->Probe(), IsOk());
  EXPECT_EQ(items_.sessions, 2);
  items_.by_path.at("/items/0").secret = SecretString::CopyOf("damaged");
  items_.secrets_read = 0;
  EXPECT_EQ(VaultStateOf(vault_->Probe()), VaultState::kKeyInvalid);
  EXPECT_EQ(items_.secrets_read, 2) << "not in a loop";
}

}  // namespace
}  // namespace billbroker
