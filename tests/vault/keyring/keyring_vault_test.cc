// Writes of the keyring vault: labels, lost answers, read-back, other writers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/vault/keyring/keyring_vault_fixture.h"
#include "vault/base/error.h"
#include "vault/document.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;

TEST_F(KeyringVaultTest, ItemsHaveLabelsAndNoSecretAttributes) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  EXPECT_EQ(items_.by_path.at("/items/1").label, "billbroker credential acme-payables-user");
  EXPECT_EQ(items_.by_path.at("/items/1").attributes,
            (ItemAttributes{{"xdg:schema", "com.billbroker.Credential"},
                            {"application", "billbroker"},
                            {"instance", "default"},
                            {"kind", "credential"},
                            {"credential", "acme-payables-user"}}));
  EXPECT_EQ(items_.by_path.at("/items/0").label, "billbroker master key default");
}

TEST_F(KeyringVaultTest, CompletedWriteWithLostAnswerSucceeds) {
  items_.next_writes = {WriteAnswer::kLostAndDone, WriteAnswer::kLostAndDone,
                        WriteAnswer::kLostAndDone};
  EXPECT_THAT(vault_->Create(first_), IsOk());
  EXPECT_THAT(vault_->Replace(second_), IsOk());
  EXPECT_THAT(vault_->Delete("acme-payables-user", second_.uid, 2), IsOk());
  EXPECT_EQ(items_.writes, 3);
  EXPECT_EQ(items_.by_path.size(), 1U) << "the master key";
}

TEST_F(KeyringVaultTest, LostWriteIsTriedOnceMore) {
  items_.next_writes = {WriteAnswer::kLostAndNotDone};
  EXPECT_THAT(vault_->Create(first_), IsOk());
  items_.next_writes = {WriteAnswer::kLostAndNotDone};
  EXPECT_THAT(vault_->Replace(second_), IsOk());
  EXPECT_EQ((*vault_->Load("acme-payables-user"))->version, 2u);
  items_.next_writes = {WriteAnswer::kLostAndNotDone};
  EXPECT_THAT(vault_->Delete("acme-payables-user", second_.uid, 2), IsOk());
  EXPECT_EQ(items_.writes, 6);
}

TEST_F(KeyringVaultTest, WriteLostTwiceIsUnreachable) {
  items_.next_writes = {WriteAnswer::kLostAndNotDone, WriteAnswer::kLostAndNotDone};
  EXPECT_EQ(VaultStateOf(vault_->Create(first_)), VaultState::kTimedOut);
  EXPECT_EQ(items_.writes, 2);
  EXPECT_THAT(vault_->Load("acme-payables-user"), HasReason(Reason::kUnknownCredential));
}

TEST_F(KeyringVaultTest, WriteThatCannotBeVerifiedIsUnreachable) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.next_writes = {WriteAnswer::kLostAndDone};
  items_.finds_until_timeout = 2;  // the key, and the name before the write
  EXPECT_EQ(VaultStateOf(vault_->Replace(second_)), VaultState::kTimedOut);
  items_.finds_until_timeout = -1;
  EXPECT_EQ((*vault_->Load("acme-payables-user"))->version, 2u);
}

TEST_F(KeyringVaultTest, DetectsDocumentOfAnotherWriter) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.next_writes = {WriteAnswer::kLostAndNotDone};
  items_.before_write = [this] {
    Credential other = second_.Clone();
    other.username = "other@acme.example";
    items_.by_path.at("/items/1").secret = WriteDocument(other);
  };
  EXPECT_THAT(vault_->Replace(second_), HasReason(Reason::kVersionConflict));
}

TEST_F(KeyringVaultTest, ReplaceOfARemovedItemIsUnknown) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.next_writes = {WriteAnswer::kGone};
  items_.before_write = [this] { items_.by_path.erase("/items/1"); };
  EXPECT_THAT(vault_->Replace(second_), HasReason(Reason::kUnknownCredential));
}

TEST_F(KeyringVaultTest, NothingIsWrittenToAProviderThatTakesOver) {
  items_.next_writes = {WriteAnswer::kLostAndNotDone};
  items_.before_write = [this] { items_.TakeOver(); };
  const absl::Status created = vault_->Create(first_);
  EXPECT_THAT(created, HasReason(Reason::kVaultUnreachable));
  EXPECT_TRUE(HasUnknownOutcome(created));
  EXPECT_EQ(items_.writes, 1);
  EXPECT_TRUE(items_.by_path.empty());
}

TEST_F(KeyringVaultTest, ProviderThatTakesOverIsNotADeletion) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.next_writes = {WriteAnswer::kLostAndNotDone};
  items_.before_write = [this] { items_.TakeOver(); };
  const absl::Status deleted = vault_->Delete("acme-payables-user", first_.uid, 1);
  EXPECT_THAT(deleted, HasReason(Reason::kVaultUnreachable));
  EXPECT_TRUE(HasUnknownOutcome(deleted));
}

// The searches of a write: the name, the key, and after the write the same again.
TEST_F(KeyringVaultTest, SearchThatMissesTheItemOnceIsRepeated) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.empty_finds = {3};
  EXPECT_THAT(vault_->Replace(second_), IsOk());
  items_.next_writes = {WriteAnswer::kLostAndNotDone};
  items_.empty_finds = {3};
  EXPECT_THAT(vault_->Delete("acme-payables-user", second_.uid, 2), IsOk());
  EXPECT_EQ(items_.writes, 4) << "the deletion was repeated";
  EXPECT_EQ(items_.by_path.size(), 1U);
}

TEST_F(KeyringVaultTest, ChangedItemThatIsNotFoundAgainIsUnknown) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.empty_finds = {3, 4};
  const absl::Status replaced = vault_->Replace(second_);
  EXPECT_THAT(replaced, HasReason(Reason::kVaultUnreachable));
  EXPECT_TRUE(HasUnknownOutcome(replaced));
  EXPECT_EQ((*vault_->Load("acme-payables-user"))->version, 2U);
}

TEST_F(KeyringVaultTest, WriteThatStoredNothingIsReported) {
  items_.next_writes = {WriteAnswer::kOkAndNotDone, WriteAnswer::kOkAndNotDone};
  const absl::Status created = vault_->Create(first_);
  EXPECT_THAT(created, HasReason(Reason::kVaultUnreachable));
  EXPECT_THAT(created.message(), HasSubstr("answered OK and stored nothing"));
  EXPECT_FALSE(HasUnknownOutcome(created)) << "it is a fact";
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.next_writes = {WriteAnswer::kOkAndNotDone, WriteAnswer::kOkAndNotDone};
  EXPECT_THAT(vault_->Replace(second_).message(), HasSubstr("stored nothing"));
  items_.next_writes = {WriteAnswer::kOkAndNotDone, WriteAnswer::kOkAndNotDone};
  EXPECT_THAT(vault_->Delete("acme-payables-user", first_.uid, 1).message(),
              HasSubstr("answered OK and deleted nothing"));
  EXPECT_EQ((*vault_->Load("acme-payables-user"))->version, 1U);
}

TEST_F(KeyringVaultTest, ReadBackThatFailsIsAnUnknownOutcome) {
  items_.finds_until_timeout = 2;  // the key, and the name before the write
  const absl::Status created = vault_->Create(first_);
  EXPECT_THAT(created, HasReason(Reason::kVaultUnreachable));
  EXPECT_TRUE(HasUnknownOutcome(created)) << created;
  items_.finds_until_timeout = -1;
  EXPECT_THAT(vault_->Load("acme-payables-user"), IsOk());
}

}  // namespace
}  // namespace billbroker
