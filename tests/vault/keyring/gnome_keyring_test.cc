// The keyring vault over a real gnome-keyring on a private bus.
#include "vault/keyring/keyring_vault.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/support/private_bus.h"
#include "tests/vault/vault_contract.h"
#include "vault/document.h"
#include "vault/keyring/secret_service_items.h"

namespace billbroker {
namespace {

using Start = PrivateBus::Start;

PrivateBus::Attributes AttributesOf(const std::string& name) {
  return {{"application", "billbroker"},
          {"instance", "default"},
          {"kind", "credential"},
          {"credential", name}};
}

std::unique_ptr<KeyringVault> OpenVault(KeyringOptions options = {}) {
  absl::StatusOr<std::unique_ptr<KeyringVault>> vault = KeyringVault::Create(std::move(options));
  if (!vault.ok()) std::abort();
  return *std::move(vault);
}

class KeyringUnderTest final : public VaultUnderTest {
 public:
  KeyringUnderTest() {
    bus_.Export();
    vault_ = OpenVault();
  }
  Vault& vault() override { return *vault_; }
  void Lock() override { bus_.Lock(); }
  void Unlock() override { bus_.Unlock(); }
  void PutForeign(absl::string_view name) override {
    bus_.Plant(AttributesOf(std::string(name)), "foreign", R"({"user":"me"})");
  }

 private:
  PrivateBus bus_;
  std::unique_ptr<KeyringVault> vault_;
};

INSTANTIATE_TEST_SUITE_P(GnomeKeyring, VaultContract,
                         testing::Values(VaultKind{"gnome-keyring", [] {
                                                     return std::make_unique<KeyringUnderTest>();
                                                   }}));

class GnomeKeyringTest : public testing::Test {
 protected:
  // Where a step takes until a deadline, a short one keeps the test quick.
  static KeyringOptions Impatient() {
    KeyringOptions options;
    options.call_timeout = absl::Milliseconds(400);
    options.probe_timeout = absl::Milliseconds(400);
    return options;
  }

  // What the vault says once it has come to rest in `state`.
  static bool Reaches(Vault& vault, VaultState state) {
    const absl::Time end = absl::Now() + absl::Seconds(10);
    while (vault.Probe() != state) {
      if (absl::Now() > end) return false;
    }
    return true;
  }
};

TEST_F(GnomeKeyringTest, ABadInstanceNameIsRefused) {
  KeyringOptions options;
  options.instance = "Not A Name";
  EXPECT_TRUE(HasReason(KeyringVault::Create(options).status(), Reason::kMalformedRequest));
}

TEST_F(GnomeKeyringTest, WithoutABusItSaysSoAndRecoversWhenThereIsOne) {
  PrivateBus bus(Start::kNothing);
  bus.Export();
  const auto vault = OpenVault();
  EXPECT_EQ(vault->Probe(), VaultState::kNoBus);
  EXPECT_EQ(VaultStateOf(vault->Load("acme").status()), VaultState::kNoBus);
  bus.StartBus();
  EXPECT_EQ(vault->Probe(), VaultState::kNoProvider);
  bus.StartProvider(/*unlocked=*/false);
  EXPECT_EQ(vault->Probe(), VaultState::kNoCollection);
  EXPECT_EQ(VaultStateOf(vault->MasterKey().status()), VaultState::kNoCollection);
  EXPECT_EQ(VaultStateOf(vault->Create(SampleUser("acme"))), VaultState::kNoCollection);
  bus.KillProvider();
  bus.StartProvider(/*unlocked=*/true);
  EXPECT_EQ(vault->Probe(), VaultState::kReady);
  EXPECT_EQ(vault->Create(SampleUser("acme")), absl::OkStatus());
}

TEST_F(GnomeKeyringTest, ABusThatTheEnvironmentDoesNotNameIsNotLaunched) {
  unsetenv("DBUS_SESSION_BUS_ADDRESS");
  unsetenv("XDG_RUNTIME_DIR");
  EXPECT_EQ(OpenVault()->Probe(), VaultState::kNoBus);
}

TEST_F(GnomeKeyringTest, AProviderThatRestartsComesBackLockedAndThenRecovers) {
  PrivateBus bus;
  bus.Export();
  const auto vault = OpenVault();
  ASSERT_EQ(vault->Create(SampleUser("acme")), absl::OkStatus());
  bus.KillProvider();
  EXPECT_TRUE(Reaches(*vault, VaultState::kNoProvider));
  bus.StartProvider(/*unlocked=*/false);
  EXPECT_EQ(vault->Probe(), VaultState::kLocked);
  EXPECT_EQ(VaultStateOf(vault->LoadAll().status()), VaultState::kLocked);
  bus.Unlock();
  EXPECT_TRUE(vault->Load("acme").ok());
}

TEST_F(GnomeKeyringTest, ASessionThatTheProviderForgotIsOpenedAnew) {
  PrivateBus bus;
  bus.Export();
  const auto vault = OpenVault();
  const Credential credential = SampleUser("acme");
  ASSERT_EQ(vault->Create(credential), absl::OkStatus());
  bus.KillProvider();
  bus.StartProvider(/*unlocked=*/true);
  EXPECT_EQ(vault->Replace(NextVersionOf(credential)), absl::OkStatus());
  EXPECT_EQ(vault->Create(SampleUser("mill")), absl::OkStatus());
}

TEST_F(GnomeKeyringTest, ABusThatRestartsAtTheSameAddressIsFoundAgain) {
  PrivateBus bus;
  bus.Export();
  const auto vault = OpenVault();
  ASSERT_EQ(vault->Create(SampleUser("acme")), absl::OkStatus());
  for (int round = 0; round < 3; ++round) {
    bus.KillBus();
    EXPECT_EQ(vault->Probe(), VaultState::kNoBus);
    EXPECT_TRUE(HasReason(vault->Load("nothing").status(), Reason::kVaultUnreachable));
    bus.StartBus();
    bus.StartProvider(/*unlocked=*/true);
    EXPECT_TRUE(Reaches(*vault, VaultState::kReady));
    EXPECT_TRUE(vault->Load("acme").ok());
  }
}

TEST_F(GnomeKeyringTest, AStoppedProviderTimesOutAndIsUsedAgainWhenItContinues) {
  PrivateBus bus;
  bus.Export();
  const auto vault = OpenVault(Impatient());
  ASSERT_EQ(vault->Create(SampleUser("acme")), absl::OkStatus());
  bus.StopProvider();
  EXPECT_EQ(vault->Probe(), VaultState::kTimedOut);
  EXPECT_EQ(VaultStateOf(vault->Load("acme").status()), VaultState::kTimedOut);
  std::vector<std::thread> threads(10);
  std::atomic<int> timed_out = 0;
  for (std::thread& thread : threads) {
    thread = std::thread([&] {
      timed_out += VaultStateOf(vault->Load("mill").status()) == VaultState::kTimedOut ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(timed_out, 10);
  bus.ContinueProvider();
  EXPECT_TRUE(Reaches(*vault, VaultState::kReady));
  EXPECT_TRUE(vault->Load("acme").ok());
}

// The real items, with the provider stopped between reading and writing.
class StoppingItems final : public ItemStore {
 public:
  explicit StoppingItems(const PrivateBus& bus) : bus_(bus) {}

  VaultState Probe(Deadline deadline) override { return items_.Probe(deadline); }
  absl::StatusOr<std::vector<std::string>> Find(const ItemAttributes& attributes,
                                                Deadline deadline) override {
    return items_.Find(attributes, deadline);
  }
  absl::StatusOr<ItemAttributes> ReadAttributes(const std::string& path,
                                                Deadline deadline) override {
    return items_.ReadAttributes(path, deadline);
  }
  absl::StatusOr<SecretString> ReadSecret(const std::string& path, Deadline deadline) override {
    return items_.ReadSecret(path, deadline);
  }
  absl::Status Create(const ItemAttributes& attributes, const std::string& label,
                      const SecretString& secret, Deadline deadline) override {
    return items_.Create(attributes, label, secret, deadline);
  }
  absl::Status Overwrite(const std::string& path, const SecretString& secret,
                         Deadline deadline) override {
    bus_.StopProvider();
    return items_.Overwrite(path, secret, deadline);
  }
  absl::Status Remove(const std::string& path, Deadline deadline) override {
    return items_.Remove(path, deadline);
  }
  std::set<std::string> TakeChanged() override { return items_.TakeChanged(); }

 private:
  const PrivateBus& bus_;
  SecretServiceItems items_;
};

TEST_F(GnomeKeyringTest, AWriteThatWasGivenUpAndCommitsLaterIsSeenByTheNextRead) {
  PrivateBus bus;
  bus.Export();
  KeyringVault vault(Impatient(), std::make_unique<StoppingItems>(bus));
  const Credential first = SampleUser("acme");
  const Credential second = NextVersionOf(first);
  ASSERT_EQ(vault.Create(first), absl::OkStatus());
  EXPECT_EQ(VaultStateOf(vault.Replace(second)), VaultState::kTimedOut);
  bus.ContinueProvider();
  ASSERT_TRUE(Reaches(vault, VaultState::kReady));
  const absl::StatusOr<CredentialPtr> stored = vault.Load("acme");
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ((*stored)->version, 2u);
  EXPECT_EQ(bus.CountItems(AttributesOf("acme")), 1);
}

TEST_F(GnomeKeyringTest, ALockedKeyringAtTheStartIsReadOnceItIsUnlocked) {
  PrivateBus bus;
  bus.Export();
  ASSERT_EQ(OpenVault()->Create(SampleUser("acme")), absl::OkStatus());
  bus.KillProvider();
  bus.StartProvider(/*unlocked=*/false);
  const auto vault = OpenVault();
  EXPECT_EQ(VaultStateOf(vault->LoadAll().status()), VaultState::kLocked);
  EXPECT_EQ(VaultStateOf(vault->MasterKey().status()), VaultState::kLocked);
  bus.Unlock();
  const absl::StatusOr<VaultContents> contents = vault->LoadAll();
  ASSERT_TRUE(contents.ok()) << contents.status();
  EXPECT_EQ(contents->credentials.size(), 1u);
}

TEST_F(GnomeKeyringTest, DuplicatesAreReportedAndNotOverwritten) {
  PrivateBus bus;
  bus.Export();
  const auto vault = OpenVault();
  const Credential credential = SampleUser("acme");
  const std::string document(WriteDocument(credential).Reveal());
  for (const char* label : {"one", "two"}) bus.Plant(AttributesOf("acme"), label, document);
  EXPECT_TRUE(HasReason(vault->Load("acme").status(), Reason::kVaultDocumentInvalid));
  EXPECT_TRUE(HasReason(vault->Replace(NextVersionOf(credential)), Reason::kVaultDocumentInvalid));
  const absl::StatusOr<VaultContents> contents = vault->LoadAll();
  ASSERT_TRUE(contents.ok()) << contents.status();
  EXPECT_TRUE(contents->credentials.empty());
  ASSERT_EQ(contents->invalid_documents.size(), 1u);
  EXPECT_TRUE(absl::StrContains(contents->invalid_documents[0].why.message(), "more than once"));
  EXPECT_EQ(bus.CountItems(AttributesOf("acme")), 2);
}

TEST_F(GnomeKeyringTest, AnItemIsReplacedInPlaceWhateverElseItsAttributesSay) {
  PrivateBus bus;
  bus.Export();
  const auto vault = OpenVault();
  const Credential credential = SampleUser("acme");
  PrivateBus::Attributes attributes = AttributesOf("acme");
  attributes["note"] = "restored by hand";
  bus.Plant(attributes, "restored", std::string(WriteDocument(credential).Reveal()));
  EXPECT_EQ(vault->Replace(NextVersionOf(credential)), absl::OkStatus());
  EXPECT_EQ(bus.CountItems(AttributesOf("acme")), 1);
  EXPECT_EQ((*vault->Load("acme"))->version, 2u);
}

TEST_F(GnomeKeyringTest, ABrokenMasterKeyIsReportedAndNotReplaced) {
  PrivateBus bus;
  bus.Export();
  const PrivateBus::Attributes attributes = {
      {"application", "billbroker"}, {"instance", "default"}, {"kind", "key"}};
  bus.Plant(attributes, "key", "short");
  EXPECT_TRUE(HasReason(OpenVault()->MasterKey().status(), Reason::kVaultDocumentInvalid));
  EXPECT_EQ(bus.CountItems(attributes), 1);
}

TEST_F(GnomeKeyringTest, InstancesDoNotSeeEachOther) {
  PrivateBus bus;
  bus.Export();
  KeyringOptions options;
  options.instance = "other";
  const auto vault = OpenVault();
  const auto other = OpenVault(options);
  ASSERT_EQ(vault->Create(SampleUser("acme")), absl::OkStatus());
  EXPECT_TRUE(HasReason(other->Load("acme").status(), Reason::kUnknownCredential));
  EXPECT_FALSE(*vault->MasterKey() == *other->MasterKey());
}

TEST_F(GnomeKeyringTest, OnlyWhatOthersChangeOfOursIsNews) {
  PrivateBus bus;
  bus.Export();
  const auto vault = OpenVault();
  ASSERT_TRUE(Reaches(*vault, VaultState::kReady));
  const Credential credential = SampleUser("acme");
  ASSERT_TRUE(vault->MasterKey().ok());
  ASSERT_EQ(vault->Create(credential), absl::OkStatus());
  ASSERT_EQ(vault->Replace(NextVersionOf(credential)), absl::OkStatus());
  ASSERT_EQ(vault->Create(SampleConsole("books")), absl::OkStatus());
  ASSERT_EQ(vault->Delete("books", SampleConsole("books").uid, 1), absl::OkStatus());
  bus.Plant({{"application", "another"}}, "another's", "whatever");
  EXPECT_EQ(vault->Probe(), VaultState::kReady);
  EXPECT_FALSE(vault->TakeChangedElsewhere());

  const auto is_news = [&vault] {
    const absl::Time end = absl::Now() + absl::Seconds(10);
    while (!vault->TakeChangedElsewhere()) {
      if (absl::Now() > end) return false;
      (void)vault->Probe();
    }
    return true;
  };
  ASSERT_TRUE(vault->Load("acme").ok());  // held for a second from now on
  (void)bus.Run({"secret-tool", "clear", "application", "billbroker", "credential", "acme"});
  EXPECT_TRUE(is_news());
  EXPECT_TRUE(HasReason(vault->Load("acme").status(), Reason::kUnknownCredential));
  bus.Plant(AttributesOf("acme"), "restored", std::string(WriteDocument(credential).Reveal()));
  EXPECT_TRUE(is_news());
  EXPECT_EQ((*vault->Load("acme"))->version, 1u);
  // The provider goes and comes back: what it tells from then on is heard, too.
  bus.KillProvider();
  bus.StartProvider(/*unlocked=*/true);
  ASSERT_TRUE(Reaches(*vault, VaultState::kReady));
  (void)vault->TakeChangedElsewhere();
  bus.Plant(AttributesOf("mill"), "new", "{}");
  EXPECT_TRUE(is_news());
}

TEST_F(GnomeKeyringTest, SecretToolShowsTheCredentialAndNoSecretInAttributes) {
  PrivateBus bus;
  bus.Export();
  const auto vault = OpenVault();
  const Credential credential = SampleUser("acme-payables");
  ASSERT_EQ(vault->Create(credential), absl::OkStatus());
  ASSERT_TRUE(vault->MasterKey().ok());
  bus.Lock();  // so that secret-tool has only what is not encrypted
  const std::string shown =
      bus.Run({"secret-tool", "search", "--all", "application", "billbroker"});
  EXPECT_TRUE(absl::StrContains(shown, "label = billbroker credential acme-payables")) << shown;
  EXPECT_TRUE(absl::StrContains(shown, "attribute.credential = acme-payables")) << shown;
  EXPECT_TRUE(absl::StrContains(shown, "schema = com.billbroker.Credential")) << shown;
  EXPECT_TRUE(absl::StrContains(shown, "label = billbroker master key default")) << shown;
  for (const char* hidden : {"s3cret", "acme.example", "00800000000000000081", "uid-of"}) {
    EXPECT_FALSE(absl::StrContains(shown, hidden)) << hidden;
  }
}

TEST_F(GnomeKeyringTest, ADocumentOfAMegabyteIsStoredAndRead) {
  PrivateBus bus;
  bus.Export();
  const auto vault = OpenVault();
  Credential credential = SampleUser("acme");
  credential.organizations.clear();
  const std::string dev_key(200, 'k');
  for (int i = 0; i < 5000; ++i) {
    credential.organizations.push_back(
        {absl::StrCat("organization-", 10000 + i), SecretString::CopyOf(dev_key)});
  }
  ASSERT_GT(WriteDocument(credential).size(), 1'000'000u);
  ASSERT_EQ(vault->Create(credential), absl::OkStatus());
  const absl::StatusOr<CredentialPtr> stored = vault->Load("acme");
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_TRUE(SameCredential(**stored, credential));
}

}  // namespace
}  // namespace billbroker
