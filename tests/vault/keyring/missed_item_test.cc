// Items that a search of the Secret Service misses: they are not overwritten.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/support/private_bus.h"
#include "tests/support/sample_credentials.h"
#include "tests/support/status_matchers.h"
#include "tests/support/stub_secret_service.h"
#include "tests/vault/keyring/open_vault.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

class MissedItemTest : public ::testing::Test {
 protected:
  MissedItemTest() : stub_(bus_.address()) {
    bus_.Export();
    vault_ = OpenVault();
  }
  // Searches for items of `kind` find nothing from now on.
  void Miss(const std::string& kind) {
    stub_.Inject(StubFault::Omit("Service.SearchItems").ForItem({{"kind", kind}}));
  }

  PrivateBus bus_{PrivateBus::Start::kBus};
  StubSecretService stub_;
  std::unique_ptr<KeyringVault> vault_;
};

TEST_F(MissedItemTest, CreateKeepsTheStoredCredential) {
  ASSERT_THAT(vault_->Create(SampleUser("acme-payables-user")), IsOk());
  const std::string item = stub_.Items().back().path;
  const std::string before = *stub_.Secret(item);
  Credential other = SampleUser("acme-payables-user");
  other.password = SecretString::CopyOf("another-password-for-acme");
  Miss("credential");
  const absl::Status created = vault_->Create(other);
  EXPECT_THAT(created, HasReason(Reason::kVaultUnreachable));
  EXPECT_THAT(created, HasMetadata("outcome", "unknown"));
  EXPECT_EQ(stub_.Secret(item), before);
  EXPECT_EQ(stub_.Items().size(), 3U) << "the key, and one item of each creation";
}

TEST_F(MissedItemTest, NewMasterKeyKeepsTheStoredOne) {
  const std::string item = stub_.Items().front().path;
  const std::string before = *stub_.Secret(item);
  absl::StatusOr<std::unique_ptr<KeyringVault>> adopting = KeyringVault::Create(KeyringOptions());
  ASSERT_THAT(adopting, IsOk());
  Miss("key");
  const absl::Status created = (*adopting)->CreateMasterKey().status();
  EXPECT_THAT(created, HasReason(Reason::kVaultUnreachable));
  EXPECT_THAT(created, HasMetadata("outcome", "unknown"));
  EXPECT_EQ(stub_.Secret(item), before);
  EXPECT_EQ(stub_.Items().size(), 2U);
  stub_.Heal();
  EXPECT_EQ(VaultStateOf((*adopting)->MasterKey().status()), VaultState::kKeyInvalid)
      << "there are two now, and a person can delete the new one";
}

}  // namespace
}  // namespace billbroker
