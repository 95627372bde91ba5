// The logic of the keyring vault, with items in memory that fail on demand.
#include "vault/keyring/keyring_vault.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/await.h"
#include "tests/support/sample_credentials.h"
#include "tests/support/status_matchers.h"
#include "vault/base/error.h"
#include "vault/document.h"

namespace billbroker {
namespace {

enum class Answer { kArrives, kLostAndDone, kLostAndNotDone, kGone };

// The items. They outlive the vault, which owns an ItemsView of them.
struct Items {
  struct Item {
    ItemAttributes attributes;
    std::string label;
    SecretString secret;
  };

  std::map<std::string, Item> by_path;
  std::vector<Answer> next_writes;  // later writes succeed
  VaultState state = VaultState::kReady;
  int finds_until_timeout = -1;  // -1: never
  std::atomic<int> secrets_read = 0;
  int writes = 0;
  std::function<void()> before_read;
  std::set<std::string> changed;

  absl::Status Write(const std::function<void()>& write) {
    ++writes;
    Answer answer = Answer::kArrives;
    if (!next_writes.empty()) {
      answer = next_writes.front();
      next_writes.erase(next_writes.begin());
    }
    if (answer == Answer::kGone) return absl::NotFoundError("no such item");
    if (answer != Answer::kLostAndNotDone) write();
    return answer == Answer::kArrives ? absl::OkStatus() : VaultError(VaultState::kTimedOut);
  }
};

class ItemsView final : public ItemStore {
 public:
  explicit ItemsView(Items& items) : items_(items) {}

  VaultState Probe(Deadline /*deadline*/) override { return items_.state; }
  absl::StatusOr<std::vector<std::string>> Find(const ItemAttributes& wanted,
                                                Deadline /*deadline*/) override {
    if (items_.state != VaultState::kReady) return VaultError(items_.state);
    if (items_.finds_until_timeout == 0) return VaultError(VaultState::kTimedOut);
    if (items_.finds_until_timeout > 0) --items_.finds_until_timeout;
    std::vector<std::string> paths;
    for (const auto& [path, item] : items_.by_path) {
      bool matches = true;
      for (const auto& [key, value] : wanted) {
        const auto found = item.attributes.find(key);
        matches = matches && found != item.attributes.end() && found->second == value;
      }
      if (matches) paths.push_back(path);
    }
    return paths;
  }
  absl::StatusOr<ItemAttributes> ReadAttributes(const std::string& path,
                                                Deadline /*deadline*/) override {
    const auto found = items_.by_path.find(path);
    if (found == items_.by_path.end()) return absl::NotFoundError("no such item");
    return found->second.attributes;
  }
  absl::StatusOr<SecretString> ReadSecret(const std::string& path, Deadline /*deadline*/) override {
    if (items_.before_read) items_.before_read();
    ++items_.secrets_read;
    const auto found = items_.by_path.find(path);
    if (found == items_.by_path.end()) return absl::NotFoundError("no such item");
    return found->second.secret.Clone();
  }
  absl::Status Create(const ItemAttributes& attributes, const std::string& label,
                      const SecretString& secret, Deadline /*deadline*/) override {
    return items_.Write([&] {
      items_.by_path[absl::StrCat("/items/", items_.by_path.size())] = {attributes, label,
                                                                        secret.Clone()};
    });
  }
  absl::Status Overwrite(const std::string& path, const SecretString& secret,
                         Deadline /*deadline*/) override {
    return items_.Write([&] { items_.by_path.at(path).secret = secret.Clone(); });
  }
  absl::Status Remove(const std::string& path, Deadline /*deadline*/) override {
    return items_.Write([&] { items_.by_path.erase(path); });
  }
  std::set<std::string> TakeChanged() override { return std::exchange(items_.changed, {}); }

 private:
  Items& items_;
};

Credential NextVersionOf(const Credential& credential) {
  Credential next = credential.Clone();
  ++next.version;
  return next;
}

class KeyringVaultTest : public testing::Test {
 protected:
  KeyringVaultTest() { Open({}); }
  void Open(KeyringOptions options) {
    vault_ =
        std::make_unique<KeyringVault>(std::move(options), std::make_unique<ItemsView>(items_));
  }

  Items items_;
  std::unique_ptr<KeyringVault> vault_;
  const Credential first_ = SampleUser("acme-payables-user");
  const Credential second_ = NextVersionOf(first_);
};

TEST_F(KeyringVaultTest, ItemsHaveLabelsAndNoSecretAttributes) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  ASSERT_THAT(vault_->MasterKey(), IsOk());
  EXPECT_EQ(items_.by_path.at("/items/0").label, "billbroker credential acme-payables-user");
  EXPECT_EQ(items_.by_path.at("/items/0").attributes,
            (ItemAttributes{{"xdg:schema", "com.billbroker.Credential"},
                            {"application", "billbroker"},
                            {"instance", "default"},
                            {"kind", "credential"},
                            {"credential", "acme-payables-user"}}));
  EXPECT_EQ(items_.by_path.at("/items/1").label, "billbroker master key default");
}

TEST_F(KeyringVaultTest, ReportsOutsideChangesOfOwnItems) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.by_path["/items/other"] = {{{"application", "mail"}}, "mail", SecretString()};
  const auto is_reported = [this](std::set<std::string> changed) {
    items_.changed = std::move(changed);
    EXPECT_EQ(vault_->Probe(), VaultState::kReady);
    const bool changed_elsewhere = vault_->TakeChangedElsewhere();
    EXPECT_FALSE(vault_->TakeChangedElsewhere());
    return changed_elsewhere;
  };
  EXPECT_FALSE(is_reported({}));
  EXPECT_FALSE(is_reported({"/items/other"}));
  EXPECT_TRUE(is_reported({"/items/gone", "/items/other"}));
  ASSERT_THAT(vault_->Load("acme-payables-user"), IsOk());
  const int read = items_.secrets_read;
  EXPECT_TRUE(is_reported({"/items/0"}));
  ASSERT_THAT(vault_->Load("acme-payables-user"), IsOk());
  EXPECT_EQ(items_.secrets_read, read + 1);  // not from the cache
}

TEST_F(KeyringVaultTest, CompletedWriteWithLostAnswerSucceeds) {
  items_.next_writes = {Answer::kLostAndDone, Answer::kLostAndDone, Answer::kLostAndDone};
  EXPECT_THAT(vault_->Create(first_), IsOk());
  EXPECT_THAT(vault_->Replace(second_), IsOk());
  EXPECT_THAT(vault_->Delete("acme-payables-user", second_.uid, 2), IsOk());
  EXPECT_EQ(items_.writes, 3);
  EXPECT_TRUE(items_.by_path.empty());
}

TEST_F(KeyringVaultTest, LostWriteIsTriedOnceMore) {
  items_.next_writes = {Answer::kLostAndNotDone};
  EXPECT_THAT(vault_->Create(first_), IsOk());
  items_.next_writes = {Answer::kLostAndNotDone};
  EXPECT_THAT(vault_->Replace(second_), IsOk());
  EXPECT_EQ((*vault_->Load("acme-payables-user"))->version, 2u);
  items_.next_writes = {Answer::kLostAndNotDone};
  EXPECT_THAT(vault_->Delete("acme-payables-user", second_.uid, 2), IsOk());
  EXPECT_EQ(items_.writes, 6);
}

TEST_F(KeyringVaultTest, WriteLostTwiceIsUnreachable) {
  items_.next_writes = {Answer::kLostAndNotDone, Answer::kLostAndNotDone};
  EXPECT_EQ(VaultStateOf(vault_->Create(first_)), VaultState::kTimedOut);
  EXPECT_EQ(items_.writes, 2);
  EXPECT_THAT(vault_->Load("acme-payables-user"), HasReason(Reason::kUnknownCredential));
}

TEST_F(KeyringVaultTest, WriteThatCannotBeVerifiedIsUnreachable) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.next_writes = {Answer::kLostAndDone};
  items_.finds_until_timeout = 1;
  EXPECT_EQ(VaultStateOf(vault_->Replace(second_)), VaultState::kTimedOut);
  items_.finds_until_timeout = -1;
  EXPECT_EQ((*vault_->Load("acme-payables-user"))->version, 2u);
}

TEST_F(KeyringVaultTest, DetectsDocumentOfAnotherWriter) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.next_writes = {Answer::kLostAndNotDone};
  // The vault reads before and after the write. Before the second read, another program replaces
  // the document.
  items_.before_read = [this, reads = 0]() mutable {
    if (++reads != 2) return;
    Credential other = second_.Clone();
    other.username = "other@acme.example";
    items_.by_path.begin()->second.secret = WriteDocument(other);
  };
  EXPECT_THAT(vault_->Replace(second_), HasReason(Reason::kVersionConflict));
}

TEST_F(KeyringVaultTest, ReplaceOfARemovedItemIsUnknown) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.next_writes = {Answer::kGone};
  items_.before_read = [this, reads = 0]() mutable {
    if (++reads == 2) items_.by_path.clear();
  };
  EXPECT_THAT(vault_->Replace(second_), HasReason(Reason::kUnknownCredential));
}

TEST_F(KeyringVaultTest, MasterKeyIsTheStoredOne) {
  items_.next_writes = {Answer::kLostAndDone};
  const absl::StatusOr<SecretString> key = vault_->MasterKey();
  ASSERT_THAT(key, IsOk());
  EXPECT_EQ(items_.writes, 1);
  EXPECT_TRUE(*key == *vault_->MasterKey());
  items_.by_path.clear();
  items_.next_writes = {Answer::kLostAndNotDone, Answer::kLostAndNotDone};
  EXPECT_EQ(VaultStateOf(vault_->MasterKey().status()), VaultState::kTimedOut);
}

TEST_F(KeyringVaultTest, ConcurrentLoadsReadTheItemOnce) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.secrets_read = 0;
  std::vector<std::thread> threads(50);
  for (std::thread& thread : threads) {
    thread = std::thread([this] { EXPECT_THAT(vault_->Load("acme-payables-user"), IsOk()); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(items_.secrets_read, 1);
}

TEST_F(KeyringVaultTest, WriteInvalidatesTheCache) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  EXPECT_EQ((*vault_->Load("acme-payables-user"))->version, 1u);
  ASSERT_THAT(vault_->Replace(second_), IsOk());
  EXPECT_EQ((*vault_->Load("acme-payables-user"))->version, 2u);
}

TEST_F(KeyringVaultTest, CachedCredentialExpires) {
  KeyringOptions options;
  options.hold_time = absl::Milliseconds(1);
  Open(options);
  ASSERT_THAT(vault_->Create(first_), IsOk());
  std::weak_ptr<const Credential> held = *vault_->Load("acme-payables-user");
  Await([&] { return held.expired(); }, "the cached credential to be wiped");
}

TEST_F(KeyringVaultTest, LockedKeyringInvalidatesTheCache) {
  KeyringOptions options;
  options.hold_time = absl::Hours(1);
  Open(options);
  ASSERT_THAT(vault_->Create(first_), IsOk());
  ASSERT_THAT(vault_->Load("acme-payables-user"), IsOk());
  items_.state = VaultState::kLocked;
  EXPECT_THAT(vault_->Load("acme-payables-user"), IsOk());
  EXPECT_EQ(vault_->Probe(), VaultState::kLocked);
  EXPECT_THAT(vault_->Load("acme-payables-user"), HasReason(Reason::kVaultLocked));
}

TEST_F(KeyringVaultTest, CallThatWaitsTooLongIsNotMade) {
  KeyringOptions options;
  options.call_timeout = options.probe_timeout = absl::Milliseconds(50);
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
  EXPECT_EQ(vault_->Probe(), VaultState::kTimedOut);
  released.set_value();
  slow.join();
  EXPECT_EQ(items_.by_path.size(), 1u);
}

TEST_F(KeyringVaultTest, InvalidNameIsReportedAsUnnamed) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.by_path.at("/items/0").attributes["credential"] = "Hostile\nName";
  const absl::StatusOr<VaultContents> contents = vault_->LoadAll();
  ASSERT_THAT(contents, IsOk());
  ASSERT_EQ(contents->invalid_documents.size(), 1u);
  EXPECT_EQ(contents->invalid_documents[0].name, "unnamed item 0");
}

TEST_F(KeyringVaultTest, LoadAllOmitsItemsDeletedMeanwhile) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.before_read = [this] { items_.by_path.clear(); };
  const absl::StatusOr<VaultContents> contents = vault_->LoadAll();
  ASSERT_THAT(contents, IsOk());
  EXPECT_TRUE(contents->credentials.empty());
  EXPECT_TRUE(contents->invalid_documents.empty());
}

}  // namespace
}  // namespace billbroker
