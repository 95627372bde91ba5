// What the keyring vault decides, over items in memory that fail on demand.
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
#include "tests/support/sample_credentials.h"
#include "vault/base/error.h"
#include "vault/document.h"

namespace billbroker {
namespace {

enum class Answer { kArrives, kLostAndDone, kLostAndNotDone, kGone };

// Outlives the vault, which owns only a window on it.
struct Items {
  struct Item {
    ItemAttributes attributes;
    std::string label;
    SecretString secret;
  };

  std::map<std::string, Item> by_path;
  std::vector<Answer> next_writes;  // then they arrive
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

class ItemsWindow final : public ItemStore {
 public:
  explicit ItemsWindow(Items& items) : items_(items) {}

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
        std::make_unique<KeyringVault>(std::move(options), std::make_unique<ItemsWindow>(items_));
  }

  Items items_;
  std::unique_ptr<KeyringVault> vault_;
  const Credential first_ = SampleUser("acme");
  const Credential second_ = NextVersionOf(first_);
};

TEST_F(KeyringVaultTest, ItemsAreLabelledForPeopleAndTheirAttributesHoldNoSecret) {
  ASSERT_EQ(vault_->Create(first_), absl::OkStatus());
  ASSERT_TRUE(vault_->MasterKey().ok());
  EXPECT_EQ(items_.by_path.at("/items/0").label, "billbroker credential acme");
  EXPECT_EQ(items_.by_path.at("/items/0").attributes,
            (ItemAttributes{{"xdg:schema", "com.billbroker.Credential"},
                            {"application", "billbroker"},
                            {"instance", "default"},
                            {"kind", "credential"},
                            {"credential", "acme"}}));
  EXPECT_EQ(items_.by_path.at("/items/1").label, "billbroker master key default");
}

TEST_F(KeyringVaultTest, WhatOthersChangeIsNewsWhereItIsOursOrGone) {
  ASSERT_EQ(vault_->Create(first_), absl::OkStatus());
  items_.by_path["/items/other"] = {{{"application", "mail"}}, "mail", SecretString()};
  const auto is_news = [this](std::set<std::string> changed) {
    items_.changed = std::move(changed);
    EXPECT_EQ(vault_->Probe(), VaultState::kReady);
    const bool news = vault_->TakeChangedElsewhere();
    EXPECT_FALSE(vault_->TakeChangedElsewhere());
    return news;
  };
  EXPECT_FALSE(is_news({}));
  EXPECT_FALSE(is_news({"/items/other"}));
  EXPECT_TRUE(is_news({"/items/gone", "/items/other"}));
  ASSERT_TRUE(vault_->Load("acme").ok());
  const int read = items_.secrets_read;
  EXPECT_TRUE(is_news({"/items/0"}));
  ASSERT_TRUE(vault_->Load("acme").ok());
  EXPECT_EQ(items_.secrets_read, read + 1);  // and not the one that was held
}

TEST_F(KeyringVaultTest, AWriteThatWasDoneAndLostItsAnswerIsSuccess) {
  items_.next_writes = {Answer::kLostAndDone, Answer::kLostAndDone, Answer::kLostAndDone};
  EXPECT_EQ(vault_->Create(first_), absl::OkStatus());
  EXPECT_EQ(vault_->Replace(second_), absl::OkStatus());
  EXPECT_EQ(vault_->Delete("acme", second_.uid, 2), absl::OkStatus());
  EXPECT_EQ(items_.writes, 3);
  EXPECT_TRUE(items_.by_path.empty());
}

TEST_F(KeyringVaultTest, AWriteThatWasNotDoneIsTriedOnceMore) {
  items_.next_writes = {Answer::kLostAndNotDone};
  EXPECT_EQ(vault_->Create(first_), absl::OkStatus());
  items_.next_writes = {Answer::kLostAndNotDone};
  EXPECT_EQ(vault_->Replace(second_), absl::OkStatus());
  EXPECT_EQ((*vault_->Load("acme"))->version, 2u);
  items_.next_writes = {Answer::kLostAndNotDone};
  EXPECT_EQ(vault_->Delete("acme", second_.uid, 2), absl::OkStatus());
  EXPECT_EQ(items_.writes, 6);
}

TEST_F(KeyringVaultTest, AWriteThatIsLostTwiceIsUnreachable) {
  items_.next_writes = {Answer::kLostAndNotDone, Answer::kLostAndNotDone};
  EXPECT_EQ(VaultStateOf(vault_->Create(first_)), VaultState::kTimedOut);
  EXPECT_EQ(items_.writes, 2);
  EXPECT_TRUE(HasReason(vault_->Load("acme").status(), Reason::kUnknownCredential));
}

TEST_F(KeyringVaultTest, AWriteThatCannotBeReadAgainIsUnreachable) {
  ASSERT_EQ(vault_->Create(first_), absl::OkStatus());
  items_.next_writes = {Answer::kLostAndDone};
  items_.finds_until_timeout = 1;
  EXPECT_EQ(VaultStateOf(vault_->Replace(second_)), VaultState::kTimedOut);
  items_.finds_until_timeout = -1;
  EXPECT_EQ((*vault_->Load("acme"))->version, 2u);
}

TEST_F(KeyringVaultTest, AnotherWritersDocumentIsNotTakenForOurs) {
  ASSERT_EQ(vault_->Create(first_), absl::OkStatus());
  items_.next_writes = {Answer::kLostAndNotDone};
  // Read before the write, and again after it: by then another program has replaced the document.
  items_.before_read = [this, reads = 0]() mutable {
    if (++reads != 2) return;
    Credential other = second_.Clone();
    other.username = "other@acme.example";
    items_.by_path.begin()->second.secret = WriteDocument(other);
  };
  EXPECT_TRUE(HasReason(vault_->Replace(second_), Reason::kVersionConflict));
}

TEST_F(KeyringVaultTest, AnItemThatGoesWhileItIsReplacedIsUnknown) {
  ASSERT_EQ(vault_->Create(first_), absl::OkStatus());
  items_.next_writes = {Answer::kGone};
  items_.before_read = [this, reads = 0]() mutable {
    if (++reads == 2) items_.by_path.clear();
  };
  EXPECT_TRUE(HasReason(vault_->Replace(second_), Reason::kUnknownCredential));
}

TEST_F(KeyringVaultTest, AMasterKeyIsTheOneThatRestsInTheKeyring) {
  items_.next_writes = {Answer::kLostAndDone};
  const absl::StatusOr<SecretString> key = vault_->MasterKey();
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(items_.writes, 1);
  EXPECT_TRUE(*key == *vault_->MasterKey());
  items_.by_path.clear();
  items_.next_writes = {Answer::kLostAndNotDone, Answer::kLostAndNotDone};
  EXPECT_EQ(VaultStateOf(vault_->MasterKey().status()), VaultState::kTimedOut);
}

TEST_F(KeyringVaultTest, ABurstOfLoadsReadsTheItemOnce) {
  ASSERT_EQ(vault_->Create(first_), absl::OkStatus());
  items_.secrets_read = 0;
  std::vector<std::thread> threads(50);
  for (std::thread& thread : threads) {
    thread = std::thread([this] { EXPECT_TRUE(vault_->Load("acme").ok()); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(items_.secrets_read, 1);
}

TEST_F(KeyringVaultTest, AWriteDropsWhatWasHeld) {
  ASSERT_EQ(vault_->Create(first_), absl::OkStatus());
  EXPECT_EQ((*vault_->Load("acme"))->version, 1u);
  ASSERT_EQ(vault_->Replace(second_), absl::OkStatus());
  EXPECT_EQ((*vault_->Load("acme"))->version, 2u);
}

TEST_F(KeyringVaultTest, WhatWasHeldIsWipedByItselfAfterATime) {
  KeyringOptions options;
  options.hold_time = absl::Milliseconds(1);
  Open(options);
  ASSERT_EQ(vault_->Create(first_), absl::OkStatus());
  std::weak_ptr<const Credential> held = *vault_->Load("acme");
  while (!held.expired()) std::this_thread::yield();
}

TEST_F(KeyringVaultTest, ALockedKeyringDropsWhatWasHeld) {
  KeyringOptions options;
  options.hold_time = absl::Hours(1);
  Open(options);
  ASSERT_EQ(vault_->Create(first_), absl::OkStatus());
  ASSERT_TRUE(vault_->Load("acme").ok());
  items_.state = VaultState::kLocked;
  EXPECT_TRUE(vault_->Load("acme").ok());
  EXPECT_EQ(vault_->Probe(), VaultState::kLocked);
  EXPECT_TRUE(HasReason(vault_->Load("acme").status(), Reason::kVaultLocked));
}

TEST_F(KeyringVaultTest, ACallThatWaitsUntilItsDeadlineTimesOutAndIsNotMade) {
  KeyringOptions options;
  options.call_timeout = options.probe_timeout = absl::Milliseconds(50);
  Open(options);
  ASSERT_EQ(vault_->Create(first_), absl::OkStatus());
  std::promise<void> busy;
  std::promise<void> go_on;
  items_.before_read = [&] {
    busy.set_value();
    go_on.get_future().wait();
  };
  std::thread slow([this] { EXPECT_TRUE(vault_->Load("acme").ok()); });
  busy.get_future().wait();
  EXPECT_EQ(VaultStateOf(vault_->Load("acme").status()), VaultState::kTimedOut);
  EXPECT_EQ(VaultStateOf(vault_->Create(SampleUser("mill"))), VaultState::kTimedOut);
  EXPECT_EQ(vault_->Probe(), VaultState::kTimedOut);
  go_on.set_value();
  slow.join();
  EXPECT_EQ(items_.by_path.size(), 1u);
}

TEST_F(KeyringVaultTest, WhatHasNoGoodNameIsReportedUnderOneForPeople) {
  ASSERT_EQ(vault_->Create(first_), absl::OkStatus());
  items_.by_path.at("/items/0").attributes["credential"] = "Hostile\nName";
  const absl::StatusOr<VaultContents> contents = vault_->LoadAll();
  ASSERT_TRUE(contents.ok()) << contents.status();
  ASSERT_EQ(contents->invalid_documents.size(), 1u);
  EXPECT_EQ(contents->invalid_documents[0].name, "unnamed item 0");
}

TEST_F(KeyringVaultTest, WhatIsDeletedWhileAllIsReadIsLeftOut) {
  ASSERT_EQ(vault_->Create(first_), absl::OkStatus());
  items_.before_read = [this] { items_.by_path.clear(); };
  const absl::StatusOr<VaultContents> contents = vault_->LoadAll();
  ASSERT_TRUE(contents.ok()) << contents.status();
  EXPECT_TRUE(contents->credentials.empty());
  EXPECT_TRUE(contents->invalid_documents.empty());
}

}  // namespace
}  // namespace billbroker
