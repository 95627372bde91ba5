#include "tests/support/fake_vault.h"

#include <string>
#include <vector>

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

TEST(FakeVaultTest, ALostAnswerMayHaveBeenDoneOrNot) {
  FakeVault vault;
  vault.LoseNextAnswer(/*done=*/false);
  EXPECT_TRUE(HasReason(vault.Create(SampleUser("acme")), Reason::kVaultUnreachable));
  EXPECT_TRUE(HasReason(vault.Load("acme").status(), Reason::kUnknownCredential));
  vault.LoseNextAnswer(/*done=*/true);
  EXPECT_TRUE(HasReason(vault.Create(SampleUser("acme")), Reason::kVaultUnreachable));
  EXPECT_TRUE(vault.Load("acme").ok());
  EXPECT_EQ(vault.writes(), 1);
  EXPECT_EQ(vault.reads(), 2);
}

TEST(FakeVaultTest, TheHookSeesEachCallAndMayUseTheVault) {
  FakeVault vault;
  std::vector<std::string> calls;
  vault.set_hook([&](absl::string_view call) {
    calls.emplace_back(call);
    if (call == "Load") vault.set_state(VaultState::kTimedOut);
  });
  EXPECT_TRUE(HasReason(vault.Load("acme").status(), Reason::kVaultUnreachable));
  EXPECT_EQ(vault.Probe(), VaultState::kTimedOut);
  EXPECT_THAT(calls, testing::ElementsAre("Load", "Probe"));
}

}  // namespace
}  // namespace billbroker
