// VaultSync::Adopt() and Preview().
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/fake_key_witness.h"
#include "tests/support/fake_vault.h"
#include "tests/support/manual_time.h"
#include "tests/support/status_matchers.h"
#include "vault/base/error.h"
#include "vault/vault_sync.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class LoadCounter final : public VaultObserver {
 public:
  void VaultStateChanged(VaultState /*before*/, const absl::Status& /*after*/,
                         const VaultProvider& /*provider*/) override {}
  void VaultLoaded(const VaultReading& /*reading*/) override { ++loads; }
  void VaultChangedElsewhere() override {}

  int loads = 0;
};

// A keyring without the key that sealed the files.
class AdoptionTest : public ::testing::Test {
 protected:
  AdoptionTest() {
    witness_.Seal(sealed_);
    vault_.set_master_key(SecretString());
    sync_ = std::make_unique<VaultSync>(
        VaultSyncOptions{},
        VaultSync::Parts{clock_, executor_, vault_, witness_, health_, credentials_, observer_});
    executor_.RunUntilIdle();
  }

  absl::Status Adopt(Prompts prompts = Prompts::kRefused) {
    return sync_->Adopt(prompts, {[this] {
                                    calls_.push_back("set aside");
                                    if (aside_.ok()) witness_.Seal("");
                                    return aside_;
                                  },
                                  [this] {
                                    calls_.push_back("put back");
                                    witness_.Seal(sealed_);
                                  }});
  }
  bool HasKey() { return vault_.MasterKey().ok(); }

  std::string sealed_ = "the key of the keyring before...";
  ManualClock clock_;
  ManualExecutor executor_{clock_};
  FakeVault vault_;
  FakeKeyWitness witness_;
  VaultHealth health_;
  CredentialIndex credentials_{health_};
  LoadCounter observer_;
  std::unique_ptr<VaultSync> sync_;
  absl::Status aside_;
  std::vector<std::string> calls_;
};

TEST_F(AdoptionTest, CreatesAKeyAndReadsEverything) {
  EXPECT_EQ(health_.state(), VaultState::kReplaced);
  EXPECT_FALSE(sync_->trusts_key());
  ASSERT_THAT(Adopt(), IsOk());
  EXPECT_TRUE(sync_->trusts_key());
  EXPECT_TRUE(HasKey());
  EXPECT_THAT(calls_, ElementsAre("set aside"));
  EXPECT_EQ(observer_.loads, 1);
  EXPECT_EQ(health_.state(), VaultState::kReady);
  executor_.Advance(absl::Minutes(1));
  EXPECT_EQ(health_.state(), VaultState::kReady);
}

TEST_F(AdoptionTest, KeepsTheKeyOfTheNewKeyring) {
  vault_.set_master_key(SecretString::CopyOf("the key of the keyring that came"));
  ASSERT_THAT(Adopt(), IsOk());
  EXPECT_EQ(vault_.MasterKey()->Reveal(), "the key of the keyring that came");
}

TEST_F(AdoptionTest, FailedRenameAdoptsNothing) {
  aside_ = MakeError(Reason::kNotAdoptable, "cannot rename sessions.db");
  EXPECT_THAT(Adopt(), HasReason(Reason::kNotAdoptable));
  executor_.Advance(absl::Minutes(1));
  EXPECT_EQ(health_.state(), VaultState::kReplaced);
  EXPECT_FALSE(sync_->trusts_key());
  aside_ = absl::OkStatus();
  EXPECT_THAT(Adopt(), IsOk());
}

// If the process ends while a person confirms the key, the files are in place.
TEST_F(AdoptionTest, FilesStayInPlaceUntilThereIsAKey) {
  vault_.set_hook([this](absl::string_view call) {
    if (call != "CreateMasterKey") return;
    EXPECT_THAT(calls_, IsEmpty());
    vault_.set_state(VaultState::kNeedsConfirmation);
  });
  EXPECT_THAT(Adopt(), HasReason(Reason::kVaultLocked));
  EXPECT_THAT(calls_, IsEmpty());
}

// The keyring comes back while a person is asked to confirm the new key.
TEST_F(AdoptionTest, OwnKeyringThatComesBackIsNotAdopted) {
  vault_.set_hook([this](absl::string_view call) {
    if (call == "CreateMasterKey") vault_.set_master_key(SecretString::CopyOf(sealed_));
  });
  EXPECT_THAT(Adopt(), HasReason(Reason::kNotAdoptable));
  EXPECT_THAT(calls_, IsEmpty());
  executor_.Advance(absl::Seconds(5));
  EXPECT_EQ(health_.state(), VaultState::kReady);
}

TEST_F(AdoptionTest, PutsFilesBackIfTheKeyCannotBeUsed) {
  vault_.set_hook([this](absl::string_view call) {
    if (call == "Probe" && !calls_.empty()) vault_.set_state(VaultState::kLocked);
  });
  EXPECT_THAT(Adopt(), HasReason(Reason::kVaultLocked));
  EXPECT_THAT(calls_, ElementsAre("set aside", "put back"));
  vault_.set_hook(nullptr);
  vault_.set_state(VaultState::kReady);
  executor_.Advance(absl::Minutes(1));
  EXPECT_EQ(health_.state(), VaultState::kReplaced);
}

TEST_F(AdoptionTest, RefusesTheBrokersOwnKeyring) {
  vault_.set_master_key(SecretString::CopyOf("the key of the keyring before..."));
  EXPECT_THAT(Adopt(), HasReason(Reason::kNotAdoptable));
  executor_.Advance(absl::Seconds(2));
  EXPECT_EQ(health_.state(), VaultState::kReady);
  EXPECT_THAT(Adopt(), HasReason(Reason::kNotAdoptable));
  EXPECT_THAT(calls_, IsEmpty());
}

TEST_F(AdoptionTest, RefusesAKeyringThatCannotBeRead) {
  vault_.set_state(VaultState::kLocked);
  EXPECT_THAT(Adopt(), HasReason(Reason::kVaultLocked));
  EXPECT_THAT(sync_->Preview(Prompts::kRefused, [] { FAIL() << "looked"; }),
              HasReason(Reason::kVaultLocked));
  EXPECT_THAT(calls_, IsEmpty());
}

TEST_F(AdoptionTest, PreviewLooksOnlyWhileReplaced) {
  int looks = 0;
  EXPECT_THAT(sync_->Preview(Prompts::kRefused, [&looks] { ++looks; }), IsOk());
  EXPECT_EQ(looks, 1);
  EXPECT_FALSE(HasKey());
  ASSERT_THAT(Adopt(), IsOk());
  EXPECT_THAT(sync_->Preview(Prompts::kRefused, [&looks] { ++looks; }),
              HasReason(Reason::kNotAdoptable));
  EXPECT_EQ(looks, 1);
}

// The first start with a provider that asks a person to confirm each new item.
class PromptedAdoptionTest : public AdoptionTest {
 protected:
  PromptedAdoptionTest() {
    sealed_ = "";
    witness_.Seal(sealed_);
    vault_.set_hook([this](absl::string_view call) {
      if (call == "CreateMasterKey") {
        prompts_.push_back(vault_.prompts_allowed());
        vault_.set_state(prompts_.back() && confirmed_ ? VaultState::kReady
                                                       : VaultState::kNeedsConfirmation);
      } else {
        vault_.set_state(VaultState::kReady);
      }
    });
    executor_.Advance(absl::Seconds(2));
  }

  bool confirmed_ = true;
  std::vector<bool> prompts_;  // whether each attempt to create the key allowed prompts
};

TEST_F(PromptedAdoptionTest, BrokerByItselfNeverPrompts) {
  executor_.Advance(absl::Minutes(1));
  EXPECT_THAT(prompts_, AllOf(SizeIs(Ge(10)), Each(false)));
  EXPECT_EQ(health_.state(), VaultState::kNeedsConfirmation);
  EXPECT_THAT(std::string(health_.status().message()),
              HasSubstr("'billbroker keyring adopt --allow-prompt'"));
}

TEST_F(PromptedAdoptionTest, PersonConfirmsTheFirstKey) {
  int looks = 0;
  EXPECT_THAT(sync_->Preview(Prompts::kAllowed, [&looks] { ++looks; }), IsOk());
  EXPECT_EQ(looks, 1);
  prompts_.clear();
  ASSERT_THAT(Adopt(Prompts::kAllowed), IsOk());
  EXPECT_THAT(prompts_, ElementsAre(true));
  EXPECT_TRUE(sync_->trusts_key());
  EXPECT_FALSE(vault_.prompts_allowed());
  EXPECT_EQ(health_.state(), VaultState::kReady);
  EXPECT_EQ(observer_.loads, 1);
}

TEST_F(PromptedAdoptionTest, WithoutPromptsNothingIsAdopted) {
  prompts_.clear();
  for (const absl::Status& status :
       {sync_->Preview(Prompts::kRefused, [] { FAIL() << "looked"; }), Adopt(Prompts::kRefused)}) {
    EXPECT_EQ(VaultStateOf(status), VaultState::kNeedsConfirmation);
    EXPECT_THAT(std::string(status.message()), HasSubstr("--allow-prompt"));
  }
  EXPECT_THAT(prompts_, IsEmpty());
  EXPECT_THAT(calls_, IsEmpty());
}

TEST_F(PromptedAdoptionTest, RefusedPromptIsNotShownAgain) {
  confirmed_ = false;
  EXPECT_EQ(VaultStateOf(Adopt(Prompts::kAllowed)), VaultState::kNeedsConfirmation);
  prompts_.clear();
  executor_.Advance(absl::Minutes(1));
  EXPECT_THAT(prompts_, AllOf(SizeIs(Ge(10)), Each(false)));
  EXPECT_FALSE(sync_->trusts_key());
}

}  // namespace
}  // namespace billbroker
