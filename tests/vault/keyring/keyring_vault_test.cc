// The logic of the keyring vault, with items in memory that fail on demand.
#include "vault/keyring/keyring_vault.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <set>
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

using ::testing::HasSubstr;

enum class Answer { kArrives, kLostAndDone, kLostAndNotDone, kOkAndNotDone, kGone, kPrompts };

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
  std::function<void()> before_write;
  KeyringChanges changes;
  std::function<void()> prompted_write;          // of a write that waits for its prompt
  std::function<void(bool dismissed)> prompted;  // ends the prompt that is shown
  std::function<void()> on_prompt;
  bool prompt_dismissed = false;
  int sessions = 1;
  int garbage_in_session = 0;                   // secrets read as garbage in this session
  std::set<std::string> hidden;                 // paths whose secret is not returned
  std::map<std::string, absl::Status> failing;  // path -> error of its secret
  int created = 0;

  absl::StatusOr<std::string> Write(const std::function<void()>& write) {
    ++writes;
    if (before_write) before_write();
    Answer answer = Answer::kArrives;
    if (!next_writes.empty()) {
      answer = next_writes.front();
      next_writes.erase(next_writes.begin());
    }
    if (answer == Answer::kGone) return absl::NotFoundError("no such item");
    if (answer == Answer::kPrompts) {
      prompted_write = write;
      return std::string("/prompts/1");
    }
    if (answer != Answer::kLostAndNotDone && answer != Answer::kOkAndNotDone) write();
    if (answer == Answer::kArrives || answer == Answer::kOkAndNotDone) return std::string();
    return VaultError(VaultState::kTimedOut);
  }
};

class ItemsView final : public ItemStore {
 public:
  explicit ItemsView(Items& items) : items_(items) {}

  absl::Status Probe(Deadline /*deadline*/) override {
    return items_.state == VaultState::kReady ? absl::OkStatus() : VaultError(items_.state);
  }
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
  absl::StatusOr<std::string> Create(const ItemAttributes& attributes, const std::string& label,
                                     const SecretString& secret, Deadline /*deadline*/) override {
    // Owned by the write: a prompt may do it later.
    const auto item = std::make_shared<Items::Item>(Items::Item{attributes, label, secret.Clone()});
    return items_.Write([this, item] {
      items_.by_path[absl::StrCat("/items/", items_.created++)] = std::move(*item);
    });
  }
  absl::StatusOr<std::string> Overwrite(const std::string& path, const SecretString& secret,
                                        Deadline /*deadline*/) override {
    return items_.Write([&] { items_.by_path.at(path).secret = secret.Clone(); });
  }
  absl::StatusOr<std::string> Remove(const std::string& path, Deadline /*deadline*/) override {
    return items_.Write([&] { items_.by_path.erase(path); });
  }
  absl::Status ShowPrompt(const std::string& /*prompt*/, std::function<void(bool)> prompted,
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
  Items& items_;
};

Credential NextVersionOf(const Credential& credential) {
  Credential next = credential.Clone();
  ++next.version;
  return next;
}

bool HasUnknownOutcome(const absl::Status& status) {
  const absl::optional<ErrorDetails> details = DetailsOf(status);
  return details.has_value() && details->metadata.contains("outcome");
}

class KeyringVaultTest : public testing::Test {
 protected:
  KeyringVaultTest() { Open({}); }
  void OpenWithoutKey() {
    items_.by_path.clear();
    items_.writes = 0;
    vault_ = std::make_unique<KeyringVault>(KeyringOptions(), std::make_unique<ItemsView>(items_));
  }
  void Open(KeyringOptions options) {
    vault_ =
        std::make_unique<KeyringVault>(std::move(options), std::make_unique<ItemsView>(items_));
    const absl::StatusOr<SecretString> key = vault_->CreateMasterKey();
    ASSERT_THAT(key, IsOk());
    vault_->TrustMasterKey(*key);
    items_.writes = 0;
    items_.secrets_read = 0;
  }

  Items items_;
  std::unique_ptr<KeyringVault> vault_;
  const Credential first_ = SampleUser("acme-payables-user");
  const Credential second_ = NextVersionOf(first_);
};

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

TEST_F(KeyringVaultTest, ReportsOutsideChangesOfOwnItems) {
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

TEST_F(KeyringVaultTest, CompletedWriteWithLostAnswerSucceeds) {
  items_.next_writes = {Answer::kLostAndDone, Answer::kLostAndDone, Answer::kLostAndDone};
  EXPECT_THAT(vault_->Create(first_), IsOk());
  EXPECT_THAT(vault_->Replace(second_), IsOk());
  EXPECT_THAT(vault_->Delete("acme-payables-user", second_.uid, 2), IsOk());
  EXPECT_EQ(items_.writes, 3);
  EXPECT_EQ(items_.by_path.size(), 1U) << "the master key";
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
  items_.finds_until_timeout = 2;  // the key, and the name before the write
  EXPECT_EQ(VaultStateOf(vault_->Replace(second_)), VaultState::kTimedOut);
  items_.finds_until_timeout = -1;
  EXPECT_EQ((*vault_->Load("acme-payables-user"))->version, 2u);
}

TEST_F(KeyringVaultTest, DetectsDocumentOfAnotherWriter) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.next_writes = {Answer::kLostAndNotDone};
  items_.before_write = [this] {
    Credential other = second_.Clone();
    other.username = "other@acme.example";
    items_.by_path.at("/items/1").secret = WriteDocument(other);
  };
  EXPECT_THAT(vault_->Replace(second_), HasReason(Reason::kVersionConflict));
}

TEST_F(KeyringVaultTest, ReplaceOfARemovedItemIsUnknown) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.next_writes = {Answer::kGone};
  items_.before_write = [this] { items_.by_path.erase("/items/1"); };
  EXPECT_THAT(vault_->Replace(second_), HasReason(Reason::kUnknownCredential));
}

TEST_F(KeyringVaultTest, MasterKeyIsTheStoredOne) {
  OpenWithoutKey();
  EXPECT_THAT(vault_->MasterKey(), StatusIs(absl::StatusCode::kNotFound));
  items_.next_writes = {Answer::kLostAndDone};
  const absl::StatusOr<SecretString> key = vault_->CreateMasterKey();
  ASSERT_THAT(key, IsOk());
  EXPECT_EQ(items_.writes, 1);
  EXPECT_TRUE(*key == *vault_->MasterKey());
  items_.by_path.clear();
  items_.next_writes = {Answer::kLostAndNotDone, Answer::kLostAndNotDone};
  EXPECT_EQ(VaultStateOf(vault_->CreateMasterKey().status()), VaultState::kTimedOut);
}

TEST_F(KeyringVaultTest, KeyThatWasNotStoredIsNotUsed) {
  OpenWithoutKey();
  items_.next_writes = {Answer::kOkAndNotDone, Answer::kOkAndNotDone};
  EXPECT_EQ(VaultStateOf(vault_->CreateMasterKey().status()), VaultState::kFailing);
  items_.next_writes = {Answer::kPrompts};
  EXPECT_EQ(VaultStateOf(vault_->CreateMasterKey().status()), VaultState::kNeedsConfirmation);
  EXPECT_TRUE(items_.prompt_dismissed);
}

TEST_F(KeyringVaultTest, NothingIsWrittenBeforeAKeyIsTrusted) {
  OpenWithoutKey();
  EXPECT_EQ(VaultStateOf(vault_->Create(first_)), VaultState::kUnknown);
  EXPECT_EQ(items_.writes, 0);
}

TEST_F(KeyringVaultTest, EmptyKeyringIsNotADeletion) {
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

TEST_F(KeyringVaultTest, AnotherKeyIsNotTrusted) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.by_path.at("/items/0").secret = SecretString::CopyOf(std::string(64, 'a'));
  EXPECT_EQ(VaultStateOf(vault_->Probe()), VaultState::kReplaced);
  EXPECT_EQ(VaultStateOf(vault_->Replace(second_)), VaultState::kReplaced);
  items_.by_path.at("/items/0").secret = SecretString::CopyOf("damaged");
  EXPECT_EQ(VaultStateOf(vault_->Probe()), VaultState::kKeyInvalid);
}

TEST_F(KeyringVaultTest, WriteThatStoredNothingIsReported) {
  items_.next_writes = {Answer::kOkAndNotDone, Answer::kOkAndNotDone};
  const absl::Status created = vault_->Create(first_);
  EXPECT_THAT(created, HasReason(Reason::kVaultUnreachable));
  EXPECT_THAT(created.message(), HasSubstr("answered OK and stored nothing"));
  EXPECT_FALSE(HasUnknownOutcome(created)) << "it is a fact";
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.next_writes = {Answer::kOkAndNotDone, Answer::kOkAndNotDone};
  EXPECT_THAT(vault_->Replace(second_).message(), HasSubstr("stored nothing"));
  items_.next_writes = {Answer::kOkAndNotDone, Answer::kOkAndNotDone};
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

TEST_F(KeyringVaultTest, WriteThatNeedsAPersonIsRefused) {
  items_.next_writes = {Answer::kPrompts};
  const absl::Status created = vault_->Create(first_);
  EXPECT_THAT(created, HasReason(Reason::kVaultLocked));
  EXPECT_EQ(VaultStateOf(created), VaultState::kNeedsConfirmation);
  EXPECT_TRUE(HasUnknownOutcome(created));
  EXPECT_TRUE(items_.prompt_dismissed);
  EXPECT_THAT(vault_->Load("acme-payables-user"), HasReason(Reason::kUnknownCredential));
}

TEST_F(KeyringVaultTest, ConfirmedPromptCompletesTheWrite) {
  vault_->AllowPrompts(true);
  items_.next_writes = {Answer::kPrompts};
  items_.on_prompt = [this] {
    items_.prompted_write();
    items_.prompted(false);
  };
  EXPECT_THAT(vault_->Create(first_), IsOk());
  EXPECT_THAT(vault_->Load("acme-payables-user"), IsOk());
  EXPECT_FALSE(items_.prompt_dismissed);
}

TEST_F(KeyringVaultTest, RefusedPromptFailsTheWrite) {
  vault_->AllowPrompts(true);
  items_.next_writes = {Answer::kPrompts};
  items_.on_prompt = [this] { items_.prompted(true); };
  const absl::Status created = vault_->Create(first_);
  EXPECT_EQ(VaultStateOf(created), VaultState::kNeedsConfirmation);
  EXPECT_THAT(created.message(), HasSubstr("a person refused"));
}

TEST_F(KeyringVaultTest, OtherCallsGoOnDuringAPrompt) {
  ASSERT_THAT(vault_->Create(SampleUser("mill-payables-user")), IsOk());
  vault_->AllowPrompts(true);
  items_.next_writes = {Answer::kPrompts};
  std::promise<void> shown;
  items_.on_prompt = [&shown] { shown.set_value(); };
  std::jthread writer([this] { EXPECT_THAT(vault_->Create(first_), IsOk()); });
  ASSERT_TRUE(AwaitReady(shown.get_future(), "the prompt"));
  EXPECT_THAT(vault_->Load("mill-payables-user"), IsOk());
  items_.prompted_write();
  items_.prompted(false);
}

TEST_F(KeyringVaultTest, OneWriteAtATimeWaitsForAPerson) {
  KeyringOptions options;
  options.call_timeout = absl::Milliseconds(20);
  Open(options);
  vault_->AllowPrompts(true);
  items_.next_writes = {Answer::kPrompts};
  std::promise<void> shown;
  items_.on_prompt = [&shown] { shown.set_value(); };
  std::jthread writer([this] { EXPECT_THAT(vault_->Create(first_), IsOk()); });
  ASSERT_TRUE(AwaitReady(shown.get_future(), "the prompt"));
  EXPECT_THAT(vault_->Create(SampleUser("mill-payables-user")).message(),
              HasSubstr("another change waits for a person"));
  items_.prompted_write();
  items_.prompted(false);
}

TEST_F(KeyringVaultTest, PromptThatNobodyAnswersEnds) {
  KeyringOptions options;
  options.prompt_timeout = absl::Milliseconds(1);
  Open(options);
  vault_->AllowPrompts(true);
  items_.next_writes = {Answer::kPrompts};
  const absl::Status created = vault_->Create(first_);
  EXPECT_EQ(VaultStateOf(created), VaultState::kNeedsConfirmation);
  EXPECT_TRUE(HasUnknownOutcome(created));
  EXPECT_TRUE(items_.prompt_dismissed);
}

TEST_F(KeyringVaultTest, ItemThatIsNotReturnedIsNotADeletion) {
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

TEST_F(KeyringVaultTest, OneItemThatFailsDoesNotHideTheOthers) {
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

TEST_F(KeyringVaultTest, ItemThatIsNotReturnedInTimeIsPaused) {
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

TEST_F(KeyringVaultTest, LockedKeyringIsNotAnItemThatIsNotReturned) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.failing = {{"/items/1", VaultError(VaultState::kTimedOut)}};
  items_.before_read = [this] { items_.state = VaultState::kLocked; };
  EXPECT_EQ(VaultStateOf(vault_->Load("acme-payables-user").status()), VaultState::kLocked);
  items_.before_read = nullptr;
  items_.failing.clear();
  items_.state = VaultState::kReady;
  EXPECT_THAT(vault_->Load("acme-payables-user"), IsOk());
}

TEST_F(KeyringVaultTest, SilentItemsAreAFaultOfTheKeyring) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_THAT(vault_->Create(SampleUser(absl::StrCat("acme-payables-user-", i))), IsOk());
    items_.failing[absl::StrCat("/items/", i + 1)] = VaultError(VaultState::kTimedOut);
  }
  EXPECT_EQ(VaultStateOf(vault_->LoadAll().status()), VaultState::kTimedOut);
  ASSERT_THAT(vault_->Create(SampleUser("aaaa-payables-user")), IsOk());
  items_.failing.erase("/items/1");
  EXPECT_EQ(vault_->LoadAll()->invalid_documents.size(), 2U);
}

TEST_F(KeyringVaultTest, GarbageIsReadAgainInANewSession) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.garbage_in_session = 1;
  EXPECT_THAT(vault_->Load("acme-payables-user"), IsOk());
  EXPECT_EQ(items_.sessions, 2);
  items_.garbage_in_session = 3;
  items_.sessions = 3;
  EXPECT_EQ(vault_->LoadAll()->credentials.size(), 1U);
}

TEST_F(KeyringVaultTest, GarbledKeyIsReadAgainInANewSession) {
  items_.garbage_in_session = 1;
  EXPECT_THAT(vault_->Probe(), IsOk());
  EXPECT_EQ(items_.sessions, 2);
  items_.by_path.at("/items/0").secret = SecretString::CopyOf("damaged");
  items_.secrets_read = 0;
  EXPECT_EQ(VaultStateOf(vault_->Probe()), VaultState::kKeyInvalid);
  EXPECT_EQ(items_.secrets_read, 2) << "not in a loop";
}

TEST_F(KeyringVaultTest, AnotherProviderIsReported) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  (void)vault_->TakeChangedElsewhere();
  items_.changes.provider = true;
  EXPECT_THAT(vault_->Probe(), IsOk());
  EXPECT_TRUE(vault_->TakeChangedElsewhere());
  EXPECT_EQ(vault_->provider().program, "fake-keyring-daemon");
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
  EXPECT_EQ(VaultStateOf(vault_->Probe()), VaultState::kLocked);
  EXPECT_THAT(vault_->Load("acme-payables-user"), HasReason(Reason::kVaultLocked));
}

TEST_F(KeyringVaultTest, CallThatWaitsTooLongIsNotMade) {
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

TEST_F(KeyringVaultTest, InvalidNameIsReportedAsUnnamed) {
  ASSERT_THAT(vault_->Create(first_), IsOk());
  items_.by_path.at("/items/1").attributes["credential"] = "Hostile\nName";
  const absl::StatusOr<VaultContents> contents = vault_->LoadAll();
  ASSERT_THAT(contents, IsOk());
  ASSERT_EQ(contents->invalid_documents.size(), 1u);
  EXPECT_EQ(contents->invalid_documents[0].name, "unnamed item 1");
}

TEST_F(KeyringVaultTest, LoadAllOmitsItemsDeletedMeanwhile) {
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
