// The keyring vault with a real gnome-keyring on a private bus.
#include "vault/keyring/keyring_vault.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/support/await.h"
#include "tests/support/private_bus.h"
#include "tests/support/status_matchers.h"
#include "tests/vault/keyring/open_vault.h"
#include "tests/vault/vault_contract.h"
#include "vault/document.h"
#include "vault/keyring/secret_service_items.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using Start = PrivateBus::Start;

PrivateBus::Attributes AttributesOf(const std::string& name) {
  return {{"application", "billbroker"},
          {"instance", "default"},
          {"kind", "credential"},
          {"credential", name}};
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
  // Returns short timeouts, for tests that wait for a timeout.
  static KeyringOptions WithShortTimeouts() {
    KeyringOptions options;
    options.call_timeout = absl::Milliseconds(400);
    options.probe_timeout = absl::Milliseconds(400);
    return options;
  }

  static bool AwaitState(Vault& vault, VaultState state) {
    return Await([&] { return VaultStateOf(vault.Probe()) == state; },
                 absl::StrCat("the vault to be ", VaultStateName(state)));
  }
};

TEST_F(GnomeKeyringTest, RejectsInvalidInstanceName) {
  KeyringOptions options;
  options.instance = "Not A Name";
  EXPECT_THAT(KeyringVault::Create(options), HasReason(Reason::kMalformedRequest));
}

TEST_F(GnomeKeyringTest, RecoversWhenTheBusAppears) {
  PrivateBus bus(Start::kNothing);
  bus.Export();
  const auto vault = OpenVault();
  EXPECT_EQ(VaultStateOf(vault->Probe()), VaultState::kNoBus);
  EXPECT_EQ(VaultStateOf(vault->Load("acme-payables-user").status()), VaultState::kNoBus);
  bus.StartBus();
  EXPECT_EQ(VaultStateOf(vault->Probe()), VaultState::kNoProvider);
  bus.StartProvider(/*unlocked=*/false);
  EXPECT_EQ(VaultStateOf(vault->Probe()), VaultState::kNoCollection);
  EXPECT_EQ(VaultStateOf(vault->MasterKey().status()), VaultState::kNoCollection);
  EXPECT_EQ(VaultStateOf(vault->CreateMasterKey().status()), VaultState::kNoCollection);
  bus.KillProvider();
  bus.StartProvider(/*unlocked=*/true);
  EXPECT_EQ(VaultStateOf(vault->Probe()), VaultState::kReady);
  TrustKey(*vault);
  EXPECT_THAT(vault->Create(SampleUser("acme-payables-user")), IsOk());
}

TEST_F(GnomeKeyringTest, DoesNotLaunchABus) {
  unsetenv("DBUS_SESSION_BUS_ADDRESS");
  unsetenv("XDG_RUNTIME_DIR");
  EXPECT_EQ(VaultStateOf(OpenVault()->Probe()), VaultState::kNoBus);
}

TEST_F(GnomeKeyringTest, RecoversFromProviderThatReturnsLocked) {
  PrivateBus bus;
  bus.Export();
  const auto vault = OpenVault();
  ASSERT_THAT(vault->Create(SampleUser("acme-payables-user")), IsOk());
  bus.KillProvider();
  AwaitState(*vault, VaultState::kNoProvider);
  bus.StartProvider(/*unlocked=*/false);
  EXPECT_EQ(VaultStateOf(vault->Probe()), VaultState::kLocked);
  EXPECT_EQ(VaultStateOf(vault->LoadAll().status()), VaultState::kLocked);
  bus.Unlock();
  EXPECT_THAT(vault->Load("acme-payables-user"), IsOk());
}

TEST_F(GnomeKeyringTest, ReopensALostSecretServiceSession) {
  PrivateBus bus;
  bus.Export();
  const auto vault = OpenVault();
  const Credential credential = SampleUser("acme-payables-user");
  ASSERT_THAT(vault->Create(credential), IsOk());
  bus.KillProvider();
  bus.StartProvider(/*unlocked=*/true);
  EXPECT_THAT(vault->Replace(NextVersionOf(credential)), IsOk());
  EXPECT_THAT(vault->Create(SampleUser("mill-payables-user")), IsOk());
}

TEST_F(GnomeKeyringTest, ReconnectsToARestartedBus) {
  PrivateBus bus;
  bus.Export();
  const auto vault = OpenVault();
  ASSERT_THAT(vault->Create(SampleUser("acme-payables-user")), IsOk());
  for (int round = 0; round < 3; ++round) {
    bus.KillBus();
    EXPECT_EQ(VaultStateOf(vault->Probe()), VaultState::kNoBus);
    EXPECT_THAT(vault->Load("unknown-credential"), HasReason(Reason::kVaultUnreachable));
    bus.StartBus();
    bus.StartProvider(/*unlocked=*/true);
    AwaitState(*vault, VaultState::kReady);
    EXPECT_THAT(vault->Load("acme-payables-user"), IsOk());
  }
}

TEST_F(GnomeKeyringTest, StoppedProviderTimesOutAndRecovers) {
  PrivateBus bus;
  bus.Export();
  const auto vault = OpenVault(WithShortTimeouts());
  ASSERT_THAT(vault->Create(SampleUser("acme-payables-user")), IsOk());
  bus.StopProvider();
  EXPECT_EQ(VaultStateOf(vault->Probe()), VaultState::kTimedOut);
  EXPECT_EQ(VaultStateOf(vault->Load("acme-payables-user").status()), VaultState::kTimedOut);
  std::vector<std::thread> threads(10);
  std::atomic<int> timed_out = 0;
  for (std::thread& thread : threads) {
    thread = std::thread([&] {
      timed_out +=
          VaultStateOf(vault->Load("mill-payables-user").status()) == VaultState::kTimedOut ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(timed_out, 10);
  bus.ContinueProvider();
  AwaitState(*vault, VaultState::kReady);
  EXPECT_THAT(vault->Load("acme-payables-user"), IsOk());
}

// The real items. The provider is stopped between the read and the write of a Replace().
class StoppingItems final : public ItemStore {
 public:
  explicit StoppingItems(const PrivateBus& bus) : bus_(bus) {}

  absl::Status Probe(Deadline deadline) override { return items_.Probe(deadline); }
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
  absl::StatusOr<NewItem> Create(const ItemAttributes& attributes, const std::string& label,
                                 const SecretString& secret, Deadline deadline) override {
    return items_.Create(attributes, label, secret, deadline);
  }
  absl::StatusOr<std::string> Overwrite(const std::string& path, const SecretString& secret,
                                        Deadline deadline) override {
    bus_.StopProvider();
    return items_.Overwrite(path, secret, deadline);
  }
  absl::StatusOr<std::string> Remove(const std::string& path, Deadline deadline) override {
    return items_.Remove(path, deadline);
  }
  absl::Status ShowPrompt(const std::string& prompt, OnPrompted prompted,
                          Deadline deadline) override {
    return items_.ShowPrompt(prompt, std::move(prompted), deadline);
  }
  void DismissPrompt(const std::string& prompt) override { items_.DismissPrompt(prompt); }
  void RenewSession() override { items_.RenewSession(); }
  KeyringChanges TakeChanges() override { return items_.TakeChanges(); }
  VaultProvider provider() const override { return items_.provider(); }

 private:
  const PrivateBus& bus_;
  SecretServiceItems items_{/*allow_plain=*/false};
};

TEST_F(GnomeKeyringTest, NextLoadSeesAWriteThatCommitsLate) {
  PrivateBus bus;
  bus.Export();
  KeyringVault vault(WithShortTimeouts(), std::make_unique<StoppingItems>(bus));
  TrustKey(vault);
  const Credential first = SampleUser("acme-payables-user");
  const Credential second = NextVersionOf(first);
  ASSERT_THAT(vault.Create(first), IsOk());
  EXPECT_EQ(VaultStateOf(vault.Replace(second)), VaultState::kTimedOut);
  bus.ContinueProvider();
  ASSERT_TRUE(AwaitState(vault, VaultState::kReady));
  const absl::StatusOr<CredentialPtr> stored = vault.Load("acme-payables-user");
  ASSERT_THAT(stored, IsOk());
  EXPECT_EQ((*stored)->version, 2u);
  EXPECT_EQ(bus.CountItems(AttributesOf("acme-payables-user")), 1);
}

TEST_F(GnomeKeyringTest, LoadsOnceTheKeyringIsUnlocked) {
  PrivateBus bus;
  bus.Export();
  ASSERT_THAT(OpenVault()->Create(SampleUser("acme-payables-user")), IsOk());
  bus.KillProvider();
  bus.StartProvider(/*unlocked=*/false);
  const auto vault = OpenVault();
  EXPECT_EQ(VaultStateOf(vault->LoadAll().status()), VaultState::kLocked);
  EXPECT_EQ(VaultStateOf(vault->MasterKey().status()), VaultState::kLocked);
  bus.Unlock();
  const absl::StatusOr<VaultContents> contents = vault->LoadAll();
  ASSERT_THAT(contents, IsOk());
  EXPECT_EQ(contents->credentials.size(), 1u);
}

TEST_F(GnomeKeyringTest, UsesOneOfEqualDuplicates) {
  PrivateBus bus;
  bus.Export();
  const auto vault = OpenVault();
  const Credential credential = SampleUser("acme-payables-user");
  const std::string document(WriteDocument(credential).Reveal());
  for (const char* label : {"one", "two"})
    bus.Plant(AttributesOf("acme-payables-user"), label, document);
  EXPECT_THAT(vault->Load("acme-payables-user"), IsOk());
  EXPECT_EQ(vault->LoadAll()->credentials.size(), 1U);
  EXPECT_THAT(vault->Replace(NextVersionOf(credential)), IsOk());
  EXPECT_EQ(bus.CountItems(AttributesOf("acme-payables-user")), 1);
  EXPECT_EQ((*vault->Load("acme-payables-user"))->version, 2U);
}

TEST_F(GnomeKeyringTest, ReportsUnequalDuplicatesAndKeepsThem) {
  PrivateBus bus;
  bus.Export();
  const auto vault = OpenVault();
  const Credential credential = SampleUser("acme-payables-user");
  const Credential next = NextVersionOf(credential);
  bus.Plant(AttributesOf("acme-payables-user"), "one",
            std::string(WriteDocument(credential).Reveal()));
  bus.Plant(AttributesOf("acme-payables-user"), "two", std::string(WriteDocument(next).Reveal()));
  EXPECT_THAT(vault->Load("acme-payables-user"), HasReason(Reason::kVaultDocumentInvalid));
  EXPECT_THAT(vault->Replace(NextVersionOf(credential)), HasReason(Reason::kVaultDocumentInvalid));
  const absl::StatusOr<VaultContents> contents = vault->LoadAll();
  ASSERT_THAT(contents, IsOk());
  EXPECT_TRUE(contents->credentials.empty());
  ASSERT_EQ(contents->invalid_documents.size(), 1U);
  EXPECT_THAT(contents->invalid_documents[0].why, HasReason(Reason::kVaultDocumentInvalid));
  EXPECT_EQ(bus.CountItems(AttributesOf("acme-payables-user")), 2);
}

TEST_F(GnomeKeyringTest, ReplacesItemsWithUnknownAttributes) {
  PrivateBus bus;
  bus.Export();
  const auto vault = OpenVault();
  const Credential credential = SampleUser("acme-payables-user");
  PrivateBus::Attributes attributes = AttributesOf("acme-payables-user");
  attributes["note"] = "restored by hand";
  bus.Plant(attributes, "restored", std::string(WriteDocument(credential).Reveal()));
  EXPECT_THAT(vault->Replace(NextVersionOf(credential)), IsOk());
  EXPECT_EQ(bus.CountItems(AttributesOf("acme-payables-user")), 1);
  EXPECT_EQ((*vault->Load("acme-payables-user"))->version, 2u);
}

TEST_F(GnomeKeyringTest, ReportsInvalidMasterKeyAndKeepsIt) {
  PrivateBus bus;
  bus.Export();
  const PrivateBus::Attributes attributes = {
      {"application", "billbroker"}, {"instance", "default"}, {"kind", "key"}};
  bus.Plant(attributes, "key", "short");
  const auto vault = *KeyringVault::Create(KeyringOptions());
  EXPECT_EQ(VaultStateOf(vault->MasterKey().status()), VaultState::kKeyInvalid);
  EXPECT_EQ(VaultStateOf(vault->CreateMasterKey().status()), VaultState::kKeyInvalid);
  EXPECT_EQ(bus.CountItems(attributes), 1);
}

TEST_F(GnomeKeyringTest, InstancesDoNotSeeEachOther) {
  PrivateBus bus;
  bus.Export();
  KeyringOptions options;
  options.instance = "other";
  const auto vault = OpenVault();
  const auto other = OpenVault(options);
  ASSERT_THAT(vault->Create(SampleUser("acme-payables-user")), IsOk());
  EXPECT_THAT(other->Load("acme-payables-user"), HasReason(Reason::kUnknownCredential));
  EXPECT_FALSE(*vault->MasterKey() == *other->MasterKey());
}

TEST_F(GnomeKeyringTest, ReportsOutsideChangesOfOwnItems) {
  PrivateBus bus;
  bus.Export();
  const auto vault = OpenVault();
  ASSERT_TRUE(AwaitState(*vault, VaultState::kReady));
  EXPECT_TRUE(vault->TakeChangedElsewhere()) << "the provider that was found";
  const Credential credential = SampleUser("acme-payables-user");
  ASSERT_THAT(vault->Create(credential), IsOk());
  ASSERT_THAT(vault->Replace(NextVersionOf(credential)), IsOk());
  ASSERT_THAT(vault->Create(SampleConsole("accountants-books")), IsOk());
  ASSERT_THAT(vault->Delete("accountants-books", SampleConsole("accountants-books").uid, 1),
              IsOk());
  bus.Plant({{"application", "another-unique-id-0001"}}, "another's", "whatever");
  EXPECT_EQ(VaultStateOf(vault->Probe()), VaultState::kReady);
  EXPECT_FALSE(vault->TakeChangedElsewhere());

  const auto await_report = [&vault] {
    const auto is_reported = [&vault] {
      (void)vault->Probe();
      return vault->TakeChangedElsewhere();
    };
    Await(is_reported, "the change to be reported");
  };
  ASSERT_THAT(vault->Load("acme-payables-user"), IsOk());  // stays in the cache for a second
  (void)bus.Run(
      {"secret-tool", "clear", "application", "billbroker", "credential", "acme-payables-user"});
  await_report();
  EXPECT_THAT(vault->Load("acme-payables-user"), HasReason(Reason::kUnknownCredential));
  bus.Plant(AttributesOf("acme-payables-user"), "restored",
            std::string(WriteDocument(credential).Reveal()));
  await_report();
  EXPECT_EQ((*vault->Load("acme-payables-user"))->version, 1u);
  // A restarted provider reports changes as well.
  bus.KillProvider();
  bus.StartProvider(/*unlocked=*/true);
  ASSERT_TRUE(AwaitState(*vault, VaultState::kReady));
  (void)vault->TakeChangedElsewhere();
  bus.Plant(AttributesOf("mill-payables-user"), "new", "{}");
  await_report();
}

TEST_F(GnomeKeyringTest, SecretToolShowsNoSecretInAttributes) {
  PrivateBus bus;
  bus.Export();
  const auto vault = OpenVault();
  const Credential credential = SampleUser("acme-payables-user");
  ASSERT_THAT(vault->Create(credential), IsOk());
  ASSERT_THAT(vault->MasterKey(), IsOk());
  bus.Lock();  // so that secret-tool can read only the attributes
  const std::string shown =
      bus.Run({"secret-tool", "search", "--all", "application", "billbroker"});
  EXPECT_THAT(shown, HasSubstr("label = billbroker credential acme-payables-user"));
  EXPECT_THAT(shown, HasSubstr("attribute.credential = acme-payables-user"));
  EXPECT_THAT(shown, HasSubstr("schema = com.billbroker.Credential"));
  EXPECT_THAT(shown, HasSubstr("label = billbroker master key default"));
  for (const char* hidden : {"s3cret", "acme.example", "00800000000000000081", "uid-of"}) {
    EXPECT_THAT(shown, Not(HasSubstr(hidden)));
  }
}

TEST_F(GnomeKeyringTest, StoresADocumentOfOneMegabyte) {
  PrivateBus bus;
  bus.Export();
  const auto vault = OpenVault();
  Credential credential = SampleUser("acme-payables-user");
  credential.organizations.clear();
  const std::string dev_key(200, 'k');
  for (int i = 0; i < 5000; ++i) {
    credential.organizations.push_back(
        {absl::StrCat("organization-", 10000 + i), SecretString::CopyOf(dev_key)});
  }
  ASSERT_GT(WriteDocument(credential).size(), 1'000'000u);
  ASSERT_THAT(vault->Create(credential), IsOk());
  const absl::StatusOr<CredentialPtr> stored = vault->Load("acme-payables-user");
  ASSERT_THAT(stored, IsOk());
  EXPECT_TRUE(SameCredential(**stored, credential));
}

}  // namespace
}  // namespace billbroker
