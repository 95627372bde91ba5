// KeyringVaultTest: a keyring vault over items in memory that fail on demand.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/sample_credentials.h"
#include "tests/support/status_matchers.h"
#include "vault/base/error.h"
#include "vault/keyring/keyring_vault.h"

namespace billbroker {

// The effect and the answer of a write.
enum class WriteAnswer { kArrives, kLostAndDone, kLostAndNotDone, kOkAndNotDone, kGone, kPrompts };

// The items. They outlive the vault, which owns an FakeItemStore of them.
struct FakeItems {
  struct Item {
    ItemAttributes attributes;
    std::string label;
    SecretString secret;
  };

  std::map<std::string, Item> by_path;
  std::vector<WriteAnswer> next_writes;  // later writes succeed
  VaultState state = VaultState::kReady;
  int finds_until_timeout = -1;  // -1: never
  std::set<int> empty_finds;     // later searches that find nothing, counted from 1
  std::atomic<int> secrets_read = 0;
  int writes = 0;
  std::function<void()> before_read;
  std::function<void()> before_write;
  KeyringChanges changes;
  std::function<void()> prompted_write;  // of a write that waits for its prompt
  ItemStore::OnPrompted prompted;        // ends the prompt that is shown
  std::function<void()> on_prompt;
  bool prompt_dismissed = false;
  int sessions = 1;
  int garbage_in_session = 0;                   // secrets read as garbage in this session
  std::set<std::string> hidden;                 // paths whose secret is not returned
  std::map<std::string, absl::Status> failing;  // path -> error of its secret
  int created = 0;

  bool MissesNext() {
    std::set<int> later;
    for (const int find : empty_finds) later.insert(find - 1);
    empty_finds = std::move(later);
    return empty_finds.erase(0) > 0;
  }
  // The provider ends, and another one with an empty keyring takes over.
  void TakeOver() {
    by_path.clear();
    before_write = nullptr;
  }

  absl::StatusOr<std::string> Write(const std::function<void()>& write) {
    ++writes;
    if (before_write) before_write();
    WriteAnswer answer = WriteAnswer::kArrives;
    if (!next_writes.empty()) {
      answer = next_writes.front();
      next_writes.erase(next_writes.begin());
    }
    if (answer == WriteAnswer::kGone) return absl::NotFoundError("no such item");
    if (answer == WriteAnswer::kPrompts) {
      prompted_write = write;
      return std::string("/prompts/1");
    }
    if (answer != WriteAnswer::kLostAndNotDone && answer != WriteAnswer::kOkAndNotDone) write();
    if (answer == WriteAnswer::kArrives || answer == WriteAnswer::kOkAndNotDone)
      return std::string();
    return VaultError(VaultState::kTimedOut);
  }
};

class FakeItemStore final : public ItemStore {
 public:
  explicit FakeItemStore(FakeItems& items) : items_(items) {}

  absl::Status Probe(Deadline /*deadline*/) override {
    return items_.state == VaultState::kReady ? absl::OkStatus() : VaultError(items_.state);
  }
  absl::StatusOr<std::vector<std::string>> Find(const ItemAttributes& wanted,
                                                Deadline /*deadline*/) override {
    if (items_.state != VaultState::kReady) return VaultError(items_.state);
    if (items_.finds_until_timeout == 0) return VaultError(VaultState::kTimedOut);
    if (items_.finds_until_timeout > 0) --items_.finds_until_timeout;
    std::vector<std::string> paths;
    if (items_.MissesNext()) return paths;
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
    if (found == items_.by_path.end() || items_.hidden.contains(path)) {
      return absl::NotFoundError("no such item");
    }
    if (const auto failing = items_.failing.find(path); failing != items_.failing.end()) {
      return failing->second;
    }
    if (items_.garbage_in_session == items_.sessions) {
      return SecretString::CopyOf("decrypted with the key of another client");
    }
    return found->second.secret.Clone();
  }
  absl::StatusOr<NewItem> Create(const ItemAttributes& attributes, const std::string& label,
                                 const SecretString& secret, Deadline /*deadline*/) override {
    // Owned by the write: a prompt may do it later.
    const auto item =
        std::make_shared<FakeItems::Item>(FakeItems::Item{attributes, label, secret.Clone()});
    const std::string path = absl::StrCat("/items/", items_.created);
    absl::StatusOr<std::string> prompt = items_.Write([this, item] {
      items_.by_path[absl::StrCat("/items/", items_.created++)] = std::move(*item);
    });
    if (!prompt.ok()) return prompt.status();
    return prompt->empty() ? NewItem{path, {}} : NewItem{{}, *std::move(prompt)};
  }
  absl::StatusOr<std::string> Overwrite(const std::string& path, const SecretString& secret,
                                        Deadline /*deadline*/) override {
    const auto copy = std::make_shared<SecretString>(secret.Clone());
    return items_.Write([this, path, copy] { items_.by_path.at(path).secret = copy->Clone(); });
  }
  absl::StatusOr<std::string> Remove(const std::string& path, Deadline /*deadline*/) override {
    return items_.Write([this, path] { items_.by_path.erase(path); });
  }
  absl::Status ShowPrompt(const std::string& /*prompt*/, OnPrompted prompted,
                          Deadline /*deadline*/) override {
    items_.prompted = std::move(prompted);
    if (items_.on_prompt) items_.on_prompt();
    return absl::OkStatus();
  }
  void DismissPrompt(const std::string& /*prompt*/) override { items_.prompt_dismissed = true; }
  void RenewSession() override { ++items_.sessions; }
  KeyringChanges TakeChanges() override { return std::exchange(items_.changes, {}); }
  VaultProvider provider() const override { return {.program = "fake-keyring-daemon"}; }

 private:
  FakeItems& items_;
};

inline Credential NextVersionOf(const Credential& credential) {
  Credential next = credential.Clone();
  ++next.version;
  return next;
}

inline bool HasUnknownOutcome(const absl::Status& status) {
  const absl::optional<ErrorDetails> details = DetailsOf(status);
  return details.has_value() && details->metadata.contains("outcome");
}

class KeyringVaultTest : public testing::Test {
 protected:
  KeyringVaultTest() { Open({}); }
  void OpenWithoutKey() {
    items_.by_path.clear();
    items_.writes = 0;
    vault_ =
        std::make_unique<KeyringVault>(KeyringOptions(), std::make_unique<FakeItemStore>(items_));
  }
  void Open(KeyringOptions options) {
    vault_ =
        std::make_unique<KeyringVault>(std::move(options), std::make_unique<FakeItemStore>(items_));
    const absl::StatusOr<SecretString> key = vault_->CreateMasterKey();
    ASSERT_THAT(key, IsOk());
    vault_->TrustMasterKey(*key);
    items_.writes = 0;
    items_.secrets_read = 0;
  }

  FakeItems items_;
  std::unique_ptr<KeyringVault> vault_;
  const Credential first_ = SampleUser("acme-payables-user");
  const Credential second_ = NextVersionOf(first_);
};

}  // namespace billbroker
