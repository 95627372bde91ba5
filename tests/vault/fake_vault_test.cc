#include "tests/support/fake_vault.h"

#include <string>
#include <vector>

#include "tests/support/status_matchers.h"
#include "tests/vault/vault_contract.h"

namespace billbroker {
namespace {

class FakeUnderTest final : public VaultUnderTest {
 public:
  Vault& vault() override { return vault_; }
  void Lock() override { vault_.set_state(VaultState::kLocked); }
  void Unlock() override { vault_.set_state(VaultState::kReady); }
  void PutForeign(absl::string_view name) override { vault_.PutForeign(name); }

 private:
  FakeVault vault_;
};

INSTANTIATE_TEST_SUITE_P(Fake, VaultContract,
                         testing::Values(VaultKind{
                             "fake", [] { return std::make_unique<FakeUnderTest>(); }}));

TEST(FakeVaultTest, LostAnswerMayHaveCommitted) {
  FakeVault vault;
  vault.LoseNextAnswer(/*done=*/false);
  EXPECT_THAT(vault.Create(SampleUser("acme-payables-user")), HasReason(Reason::kVaultUnreachable));
  EXPECT_THAT(vault.Load("acme-payables-user"), HasReason(Reason::kUnknownCredential));
  vault.LoseNextAnswer(/*done=*/true);
  EXPECT_THAT(vault.Create(SampleUser("acme-payables-user")), HasReason(Reason::kVaultUnreachable));
  EXPECT_THAT(vault.Load("acme-payables-user"), IsOk());
  EXPECT_EQ(vault.writes(), 1);
  EXPECT_EQ(vault.reads(), 2);
}

TEST(FakeVaultTest, HookSeesEachCallAndMayUseTheVault) {
  FakeVault vault;
  std::vector<std::string> calls;
  vault.set_hook([&](absl::string_view call) {
    calls.emplace_back(call);
    if (call == "Load") vault.set_state(VaultState::kTimedOut);
  });
  EXPECT_THAT(vault.Load("acme-payables-user"), HasReason(Reason::kVaultUnreachable));
  EXPECT_EQ(VaultStateOf(vault.Probe()), VaultState::kTimedOut);
  EXPECT_THAT(calls, testing::ElementsAre("Load", "Probe"));
}

}  // namespace
}  // namespace billbroker
