// Reads of the keyring vault: items that fail, changes elsewhere, the cache, deadlines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/await.h"
#include "tests/support/sample_credentials.h"
#include "tests/support/status_matchers.h"
#include "tests/vault/keyring/keyring_vault_fixture.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;

using KeyringVaultReadTest = KeyringVaultTest;

TEST_F(KeyringVaultReadTest, ReportsOutsideChangesOfOwnItems) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.by_path["/items/other"] = {{{"application", "mail"}}, "mail", SecretString()};
  const auto is_reported = [this](std::vector<std::string> changed) {
    items_.changes.items = std::move(changed);
    EXPECT_EQ(VaultStateOf(vault_->Probe()), VaultState::kReady);
    const bool changed_elsewhere = vault_->TakeChangedElsewhere();
    EXPECT_FALSE(vault_->TakeChangedElsewhere());
    return changed_elsewhere;
  };
  EXPECT_FALSE(is_reported({}));
  EXPECT_FALSE(is_reported({"/items/other"}));
  EXPECT_TRUE(is_reported({"/items/gone", "/items/other"}));
  ASSERT_THAT(vault_->Load("acme-payables-user"), IsOk());
  items_.secrets_read = 0;
  EXPECT_TRUE(is_reported({"/items/1"}));
  ASSERT_THAT(vault_->Load("acme-payables-user"), IsOk());
  EXPECT_EQ(items_.secrets_read, 2) << "the key at the probe, and the credential, not cached";
}

TEST_F(KeyringVaultReadTest, ItemThatIsNotReturnedIsNotADeletion) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.hidden.insert("/items/1");
  items_.secrets_read = 0;
  const absl::Status read = vault_->Load("acme-payables-user").status();
  EXPECT_EQ(VaultStateOf(read), VaultState::kFailing);
  EXPECT_THAT(read.message(), HasSubstr("acme-payables-user"));
  EXPECT_EQ(items_.secrets_read, 2) << "not in a loop";
  const absl::StatusOr<VaultContents> contents = vault_->LoadAll();
  ASSERT_THAT(contents, IsOk());
  ASSERT_EQ(contents->invalid_documents.size(), 1U);
  EXPECT_EQ(contents->invalid_documents[0].name, "acme-payables-user");
}

TEST_F(KeyringVaultReadTest, ProviderThatTakesOverInAReadIsReplaced) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  int reads = 0;
  items_.before_read = [this, &reads] {
    if (++reads == 2) items_.TakeOver();  // after the key, before the document
  };
  EXPECT_EQ(VaultStateOf(vault_->LoadAll().status()), VaultState::kReplaced);
}

// Providers give the path of an item to another one when they restart.
TEST_F(KeyringVaultReadTest, SecretOfAnotherProgramIsNotRead) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  ASSERT_THAT(vault_->Create(SampleUser("mill-payables-user")), IsOk());
  int reads = 0;
  items_.before_read = [this, &reads] {
    if (++reads != 2) return;
    items_.by_path["/items/2"] = {{{"application", "mail"}}, "mail", SecretString::CopyOf("mail")};
  };
  const absl::StatusOr<VaultContents> contents = vault_->LoadAll();
  ASSERT_THAT(contents, IsOk());
  EXPECT_EQ(contents->credentials.size(), 1U);
  EXPECT_TRUE(contents->invalid_documents.empty());
  EXPECT_EQ(reads, 3) << "the key twice and one document";
}

TEST_F(KeyringVaultReadTest, OneItemThatFailsDoesNotHideTheOthers) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  ASSERT_THAT(vault_->Create(SampleUser("mill-payables-user")), IsOk());
  for (const VaultState state :
       {VaultState::kLocked, VaultState::kFailing, VaultState::kTimedOut}) {
    items_.failing = {{"/items/1", VaultError(state)}};
    const absl::StatusOr<VaultContents> contents = vault_->LoadAll();
    ASSERT_THAT(contents, IsOk()) << VaultStateName(state);
    ASSERT_EQ(contents->credentials.size(), 1U);
    EXPECT_EQ(contents->credentials[0]->name, "mill-payables-user");
    ASSERT_EQ(contents->invalid_documents.size(), 1U);
    EXPECT_EQ(contents->invalid_documents[0].name, "acme-payables-user");
    EXPECT_EQ(VaultStateOf(contents->invalid_documents[0].why), state);
  }
}

TEST_F(KeyringVaultReadTest, ItemThatIsNotReturnedInTimeIsPaused) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.failing = {{"/items/1", VaultError(VaultState::kTimedOut)}};
  items_.secrets_read = 0;
  for (int i = 0; i < 3; ++i) {
    const absl::Status read = vault_->Load("acme-payables-user").status();
    EXPECT_EQ(VaultStateOf(read), VaultState::kTimedOut);
    EXPECT_THAT(read.message(), HasSubstr("acme-payables-user"));
  }
  EXPECT_EQ(items_.secrets_read, 1) << "other callers would wait for each read";
  items_.failing.clear();
  EXPECT_EQ(vault_->LoadAll()->credentials.size(), 1U) << "reads every item";
  EXPECT_THAT(vault_->Load("acme-payables-user"), IsOk());
}

TEST_F(KeyringVaultReadTest, LockedKeyringIsNotAnItemThatIsNotReturned) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.failing = {{"/items/1", VaultError(VaultState::kTimedOut)}};
  items_.before_read = [this] { items_.state = VaultState::kLocked; };
  EXPECT_EQ(VaultStateOf(vault_->Load("acme-payables-user").status()), VaultState::kLocked);
  items_.before_read = nullptr;
  items_.failing.clear();
  items_.state = VaultState::kReady;
  EXPECT_THAT(vault_->Load("acme-payables-user"), IsOk());
}

TEST_F(KeyringVaultReadTest, SilentItemsAreAFaultOfTheKeyring) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_THAT(vault_->Create(SampleUser(absl::StrCat("acme-payables-user-", i))), IsOk());
    items_.failing[absl::StrCat("/items/", i + 1)] = VaultError(VaultState::kTimedOut);
  }
  EXPECT_EQ(VaultStateOf(vault_->LoadAll().status()), VaultState::kTimedOut);
  ASSERT_THAT(vault_->Create(SampleUser("aaaa-payables-user")), IsOk());
  items_.failing.erase("/items/1");
  EXPECT_EQ(vault_->LoadAll()->invalid_documents.size(), 2U);
}

TEST_F(KeyringVaultReadTest, GarbageIsReadAgainInANewSession) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.garbage_in_session = 1;
  EXPECT_THAT(vault_->Load("acme-payables-user"), IsOk());
  EXPECT_EQ(items_.sessions, 2);
  items_.garbage_in_session = 3;
  items_.sessions = 3;
  EXPECT_EQ(vault_->LoadAll()->credentials.size(), 1U);
}

TEST_F(KeyringVaultReadTest, AnotherProviderIsReported) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  (void)vault_->TakeChangedElsewhere();
  items_.changes.provider = true;
  EXPECT_THAT(vault_->Probe(), IsOk());
  EXPECT_TRUE(vault_->TakeChangedElsewhere());
  EXPECT_EQ(vault_->provider().program, "fake-keyring-daemon");
}

TEST_F(KeyringVaultReadTest, ConcurrentLoadsReadTheItemOnce) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.secrets_read = 0;
  std::vector<std::thread> threads(50);
  for (std::thread& thread : threads) {
    thread = std::thread([this] { EXPECT_THAT(vault_->Load("acme-payables-user"), IsOk()); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(items_.secrets_read, 1);
}

TEST_F(KeyringVaultReadTest, WriteInvalidatesTheCache) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  EXPECT_EQ((*vault_->Load("acme-payables-user"))->version, 1u);
  ASSERT_THAT(vault_->Replace(second_), IsOk());
  EXPECT_EQ((*vault_->Load("acme-payables-user"))->version, 2u);
}

TEST_F(KeyringVaultReadTest, CachedCredentialExpires) {
  KeyringOptions options;
  options.hold_time = absl::Milliseconds(1);
  Open(options);
  ASSERT_THAT(vault_->Create(first_), IsOk());
  std::weak_ptr<const Credential> held = *vault_->Load("acme-payables-user");
  Await([&] { return held.expired(); }, "the cached credential to be wiped");
}

TEST_F(KeyringVaultReadTest, LockedKeyringInvalidatesTheCache) {
  KeyringOptions options;
  options.hold_time = absl::Hours(1);
  Open(options);
  ASSERT_THAT(vault_->Create(first_), IsOk());
  ASSERT_THAT(vault_->Load("acme-payables-user"), IsOk());
  items_.state = VaultState::kLocked;
  EXPECT_THAT(vault_->Load("acme-payables-user"), IsOk());
  EXPECT_EQ(VaultStateOf(vault_->Probe()), VaultState::kLocked);
  EXPECT_THAT(vault_->Load("acme-payables-user"), HasReason(Reason::kVaultLocked));
}

TEST_F(KeyringVaultReadTest, CallThatWaitsTooLongIsNotMade) {
  KeyringOptions options;
  options.call_timeout = absl::Milliseconds(50);
  Open(options);
  ASSERT_THAT(vault_->Create(first_), IsOk());
  std::promise<void> busy;
  std::promise<void> released;
  const std::future<void> release = released.get_future();
  items_.before_read = [&] {
    busy.set_value();
    AwaitReady(release, "the other calls to be answered");
  };
  std::jthread slow([this] { EXPECT_THAT(vault_->Load("acme-payables-user"), IsOk()); });
  ASSERT_TRUE(AwaitReady(busy.get_future(), "the slow read"));
  EXPECT_EQ(VaultStateOf(vault_->Load("acme-payables-user").status()), VaultState::kTimedOut);
  EXPECT_EQ(VaultStateOf(vault_->Create(SampleUser("mill-payables-user"))), VaultState::kTimedOut);
  EXPECT_EQ(VaultStateOf(vault_->Probe()), VaultState::kTimedOut);
  released.set_value();
  slow.join();
  EXPECT_EQ(items_.by_path.size(), 2U);
}

TEST_F(KeyringVaultReadTest, InvalidNameIsReportedAsUnnamed) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.by_path.at("/items/1").attributes["credential"] = "Hostile\nName";
  const absl::StatusOr<VaultContents> contents = vault_->LoadAll();
  ASSERT_THAT(contents, IsOk());
  ASSERT_EQ(contents->invalid_documents.size(), 1u);
  EXPECT_EQ(contents->invalid_documents[0].name, "unnamed item 1");
}

TEST_F(KeyringVaultReadTest, LoadAllOmitsItemsDeletedMeanwhile) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.before_read = [this, reads = 0]() mutable {
    if (++reads == 2) items_.by_path.erase("/items/1");  // the key is read first
  };
  const absl::StatusOr<VaultContents> contents = vault_->LoadAll();
  ASSERT_THAT(contents, IsOk());
  EXPECT_TRUE(contents->credentials.empty());
  EXPECT_TRUE(contents->invalid_documents.empty());
}

}  // namespace
}  // namespace billbroker
