// The keyring vault with a real KeePassXC and a real KWallet on a private bus.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/support/private_bus.h"
#include "tests/support/secret_provider.h"
#include "tests/support/status_matchers.h"
#include "tests/vault/keyring/open_vault.h"
#include "tests/vault/vault_contract.h"
#include "vault/document.h"
#include "vault/keyring/keyring_vault.h"

namespace billbroker {
namespace {

using Start = PrivateBus::Start;
using MakeProvider = std::unique_ptr<SecretProvider> (*)(const PrivateBus&);

PrivateBus::Attributes AttributesOf(absl::string_view name) {
  return {{"application", "billbroker"},
          {"instance", "default"},
          {"kind", "credential"},
          {"credential", std::string(name)}};
}

// Returns a vault that shows the prompts of the provider; nobody has to answer them here.
std::unique_ptr<KeyringVault> OpenPrompting() { return OpenVault({}, /*prompts=*/true); }

// A bus with a provider that is ready.
class ProviderOnBus final {
 public:
  explicit ProviderOnBus(MakeProvider make) : bus_(Start::kBus), provider_(make(bus_)) {
    bus_.Export();
    provider_->Start(/*unlocked=*/true);
  }

  SecretProvider& provider() { return *provider_; }
  void Restart() {
    provider_->Kill();
    provider_->Start(/*unlocked=*/true);
  }
  void Plant(absl::string_view name, const std::string& secret) {
    PlantWithSecretTool(bus_, AttributesOf(name), absl::StrCat("planted ", name), secret);
  }
  int Count(absl::string_view name) { return bus_.CountItems(AttributesOf(name)); }
  std::string ReadWithSecretTool(absl::string_view name) const {
    return bus_.Run({"timeout", "20", "secret-tool", "lookup", "credential", std::string(name)});
  }

 private:
  PrivateBus bus_;
  std::unique_ptr<SecretProvider> provider_;
};

class KeyringUnderTest final : public VaultUnderTest {
 public:
  explicit KeyringUnderTest(MakeProvider make) : provider_(make), vault_(OpenPrompting()) {}
  Vault& vault() override { return *vault_; }
  void Lock() override { provider_.provider().Lock(); }
  void Unlock() override { provider_.provider().Unlock(); }
  void PutForeign(absl::string_view name) override { provider_.Plant(name, R"({"user":"me"})"); }

 private:
  ProviderOnBus provider_;
  std::unique_ptr<KeyringVault> vault_;
};

INSTANTIATE_TEST_SUITE_P(KeePassXc, VaultContract,
                         testing::Values(VaultKind{"keepassxc", [] {
                                                     return std::make_unique<KeyringUnderTest>(
                                                         MakeKeePassXc);
                                                   }}));

INSTANTIATE_TEST_SUITE_P(KWallet, VaultContract,
                         testing::Values(VaultKind{"kwallet", [] {
                                                     return std::make_unique<KeyringUnderTest>(
                                                         MakeKWallet);
                                                   }}));

std::string Document(const Credential& credential) {
  return std::string(WriteDocument(credential).Reveal());
}

TEST(KeePassXcTest, WriteWithoutItsPromptChangesNothing) {
  ProviderOnBus keepassxc(MakeKeePassXc);
  const Credential planted = SampleUser("acme-payables-user");
  keepassxc.Plant(planted.name, Document(planted));
  const auto vault = OpenPrompting();
  vault->AllowPrompts(false);
  EXPECT_EQ(VaultStateOf(vault->Create(SampleUser("mill-payables-user"))),
            VaultState::kNeedsConfirmation);
  EXPECT_EQ(VaultStateOf(vault->Delete(planted.name, planted.uid, planted.version)),
            VaultState::kNeedsConfirmation);
  EXPECT_EQ(keepassxc.Count("mill-payables-user"), 0);
  EXPECT_EQ(keepassxc.Count(planted.name), 1);
}

TEST(KeePassXcTest, ReplacesAnItemOfAnotherProgram) {
  ProviderOnBus keepassxc(MakeKeePassXc);
  const Credential planted = SampleUser("acme-payables-user");
  keepassxc.Plant(planted.name, Document(planted));
  const auto vault = OpenPrompting();
  ASSERT_THAT(vault->Load(planted.name), IsOk());
  const Credential next = NextVersionOf(planted);
  EXPECT_THAT(vault->Replace(next), IsOk());
  const absl::StatusOr<CredentialPtr> stored = OpenPrompting()->Load(planted.name);
  ASSERT_THAT(stored, IsOk());
  EXPECT_TRUE(SameCredential(**stored, next));
  EXPECT_EQ(keepassxc.Count(planted.name), 1);
}

TEST(KeePassXcTest, LockedDatabaseIsNotEmpty) {
  ProviderOnBus keepassxc(MakeKeePassXc);
  const Credential planted = SampleUser("acme-payables-user");
  keepassxc.Plant(planted.name, Document(planted));
  const auto vault = OpenPrompting();
  keepassxc.provider().Lock();
  EXPECT_EQ(keepassxc.Count(planted.name), 0);  // KeePassXC hides locked items
  EXPECT_EQ(VaultStateOf(vault->Probe()), VaultState::kLocked);
  EXPECT_THAT(vault->Load(planted.name), HasReason(Reason::kVaultLocked));
  EXPECT_THAT(vault->LoadAll(), HasReason(Reason::kVaultLocked));
  keepassxc.provider().Unlock();
  EXPECT_THAT(vault->Load(planted.name), IsOk());
}

TEST(KeePassXcTest, RecoversFromARestart) {
  ProviderOnBus keepassxc(MakeKeePassXc);
  const Credential planted = SampleUser("acme-payables-user");
  keepassxc.Plant(planted.name, Document(planted));
  const auto vault = OpenPrompting();
  ASSERT_THAT(vault->Load(planted.name), IsOk());
  keepassxc.provider().Lock();  // saves the database
  keepassxc.Restart();
  EXPECT_THAT(vault->Replace(NextVersionOf(planted)), IsOk());
}

// A secret that contains a placeholder of KeePassXC cannot be stored there.
TEST(KeePassXcTest, ExpandsPlaceholdersInSecrets) {
  ProviderOnBus keepassxc(MakeKeePassXc);
  keepassxc.Plant("with-a-placeholder", R"({"a":{}}{TITLE})");
  EXPECT_EQ(keepassxc.ReadWithSecretTool("with-a-placeholder"),
            R"({"a":{}}planted with-a-placeholder)");
}

TEST(KWalletTest, IsLockedUntilItsPromptIsCalled) {
  ProviderOnBus kwallet(MakeKWallet);
  kwallet.provider().Kill();
  kwallet.provider().Start(/*unlocked=*/false);
  const auto vault = OpenVault();
  EXPECT_EQ(VaultStateOf(vault->Probe()), VaultState::kLocked);
  EXPECT_THAT(vault->CreateMasterKey(), HasReason(Reason::kVaultLocked));
  kwallet.provider().Unlock();
  TrustKey(*vault);
  EXPECT_THAT(vault->Create(SampleUser("acme-payables-user")), IsOk());
}

// KWallet numbers its items from 0 at each start.
TEST(KWalletTest, ReplacesTheRightItemAfterARestart) {
  ProviderOnBus kwallet(MakeKWallet);
  const auto vault = OpenVault();
  const Credential first = SampleUser("acme-payables-user");
  const Credential second = SampleUser("mill-payables-user");
  ASSERT_THAT(vault->Create(first), IsOk());
  ASSERT_THAT(vault->Create(second), IsOk());
  ASSERT_THAT(vault->Delete(first.name, first.uid, first.version), IsOk());
  ASSERT_THAT(vault->Create(first), IsOk());
  kwallet.provider().Lock();  // saves the wallet
  kwallet.Restart();
  EXPECT_THAT(vault->Replace(NextVersionOf(second)), IsOk());
  const absl::StatusOr<VaultContents> contents = OpenVault()->LoadAll();
  ASSERT_THAT(contents, IsOk());
  ASSERT_EQ(contents->credentials.size(), 2u);
  EXPECT_TRUE(SameCredential(*contents->credentials[0], first));
  EXPECT_TRUE(SameCredential(*contents->credentials[1], NextVersionOf(second)));
}

// KWallet writes the attributes at once and the secrets five seconds later.
TEST(KWalletTest, ReportsAnItemWhoseSecretWasLost) {
  ProviderOnBus kwallet(MakeKWallet);
  const auto vault = OpenVault();
  kwallet.provider().Lock();  // saves the master key
  kwallet.provider().Unlock();
  ASSERT_THAT(vault->Create(SampleUser("acme-payables-user")), IsOk());
  kwallet.Restart();
  EXPECT_THAT(vault->Load("acme-payables-user"), HasReason(Reason::kVaultDocumentInvalid));
}

}  // namespace
}  // namespace billbroker
