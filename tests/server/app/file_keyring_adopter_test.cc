#include "server/app/file_keyring_adopter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <filesystem>
#include <memory>
#include <sstream>
#include <string>

#include "server/app/file_key_witness.h"
#include "tests/server/app/sealed_files.h"
#include "tests/support/fake_vault.h"
#include "tests/support/manual_time.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"
#include "tests/support/test_broker.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class IgnoringVaultObserver final : public VaultObserver {
 public:
  void VaultStateChanged(VaultState /*before*/, const absl::Status& /*after*/,
                         const VaultProvider& /*provider*/) override {}
  void VaultLoaded(const VaultReading& /*reading*/) override {}
  void VaultChangedElsewhere() override {}
};

class FileKeyringAdopterTest : public ::testing::Test {
 protected:
  // A start with files of another key, unless `replaced` is false.
  void Start(bool replaced = true) {
    if (replaced) {
      WriteStore(store_, OtherKey());
      WriteAudit(audit_, OtherKey());
    }
    vault_.set_master_key(SecretString());
    sync_ = std::make_unique<VaultSync>(
        VaultSyncOptions{},
        VaultSync::Parts{clock_, executor_, vault_, witness_, health_, credentials_, observer_});
    executor_.RunUntilIdle();
    adopter_.Use(sync_.get());
  }
  static bool Exists(const std::string& path) { return std::filesystem::exists(path); }

  TempFolder folder_;
  const std::string store_ = folder_ / "sessions.db";
  const std::string audit_ = folder_ / "audit.jsonl";
  ManualClock clock_;
  ManualExecutor executor_{clock_};
  FakeVault vault_;
  VaultHealth health_;
  CredentialIndex credentials_{health_};
  IgnoringVaultObserver observer_;
  TestBroker broker_{executor_};
  const FileKeyWitness witness_{store_, audit_};
  std::ostringstream lines_;
  JsonLog log_{LogLevel::kInfo, clock_, std::make_shared<spdlog::sinks::ostream_sink_mt>(lines_)};
  FileKeyringAdopter adopter_{
      {"payroll-instance", store_, audit_}, clock_, health_, broker_.sessions, log_};
  std::unique_ptr<VaultSync> sync_;
};

TEST_F(FileKeyringAdopterTest, PreviewNamesLossAndFiles) {
  Start();
  const absl::StatusOr<KeyringLoss> loss = adopter_.Preview(Prompts::kRefused);
  ASSERT_THAT(loss, IsOk());
  EXPECT_EQ(loss->confirmation, "adopt payroll-instance");
  EXPECT_EQ(loss->credentials, 1);
  EXPECT_EQ(loss->organizations, 2);
  EXPECT_EQ(loss->sign_ins, 1);
  ASSERT_EQ(loss->files.size(), 2U);
  EXPECT_EQ(loss->files[0].path, store_);
  EXPECT_THAT(loss->files[0].aside, HasSubstr("/sessions.db.aside-20270115T080000Z"));
  EXPECT_THAT(loss->files[1].aside, HasSubstr("/audit.jsonl.aside-20270115T080000Z"));
  EXPECT_TRUE(Exists(store_));
  EXPECT_TRUE(Exists(audit_));
}

TEST_F(FileKeyringAdopterTest, AdoptSetsBothFilesAside) {
  Start();
  const absl::StatusOr<KeyringLoss> loss = adopter_.Adopt(Prompts::kRefused);
  ASSERT_THAT(loss, IsOk());
  EXPECT_EQ(loss->organizations, 2);
  ASSERT_EQ(loss->files.size(), 2U);
  for (const KeyringLoss::File& file : loss->files) {
    EXPECT_FALSE(Exists(file.path));
    EXPECT_TRUE(Exists(file.aside));
  }
  EXPECT_FALSE(Exists(store_ + "-wal"));
  EXPECT_EQ(health_.state(), VaultState::kReady);
  EXPECT_TRUE(vault_.MasterKey().ok());
  EXPECT_THAT(lines_.str(), HasSubstr("keyring_adopted"));
}

TEST_F(FileKeyringAdopterTest, FailedRenamePutsTheFirstBack) {
  Start();
  const std::string name = adopter_.Preview(Prompts::kRefused)->files[1].aside;
  // A name with this much text after it is too long for the file system.
  const std::string audit = folder_ / std::string(250, 'a');
  FileKeyringAdopter adopter({"payroll-instance", store_, audit}, clock_, health_, broker_.sessions,
                             log_);
  WriteAudit(audit, OtherKey());
  adopter.Use(sync_.get());
  EXPECT_THAT(adopter.Adopt(Prompts::kRefused), HasReason(Reason::kNotAdoptable));
  EXPECT_TRUE(Exists(store_));
  EXPECT_TRUE(Exists(audit));
}

TEST_F(FileKeyringAdopterTest, UnconfirmedKeyKeepsFiles) {
  Start();
  vault_.set_hook([this](absl::string_view call) {
    if (call == "CreateMasterKey") vault_.set_state(VaultState::kNeedsConfirmation);
  });
  EXPECT_THAT(adopter_.Adopt(Prompts::kRefused), HasReason(Reason::kVaultLocked));
  EXPECT_TRUE(Exists(store_));
  EXPECT_TRUE(Exists(audit_));
  const SecretString key = OtherKey();
  EXPECT_THAT(witness_.Check(&key), IsOk());
}

TEST_F(FileKeyringAdopterTest, FirstKeyThatNeedsAPromptGivesNothingUp) {
  vault_.set_hook([this](absl::string_view call) {
    const bool asks = call == "CreateMasterKey" && !vault_.prompts_allowed();
    vault_.set_state(asks ? VaultState::kNeedsConfirmation : VaultState::kReady);
  });
  Start(/*replaced=*/false);
  ASSERT_EQ(health_.state(), VaultState::kNeedsConfirmation);
  EXPECT_THAT(adopter_.Preview(Prompts::kRefused), HasReason(Reason::kVaultLocked));
  EXPECT_THAT(adopter_.Adopt(Prompts::kRefused), HasReason(Reason::kVaultLocked));
  for (const auto& loss :
       {adopter_.Preview(Prompts::kAllowed), adopter_.Adopt(Prompts::kAllowed)}) {
    ASSERT_THAT(loss, IsOk());
    EXPECT_THAT(loss->files, IsEmpty());
  }
  EXPECT_EQ(health_.state(), VaultState::kReady);
  EXPECT_FALSE(vault_.prompts_allowed());
}

TEST_F(FileKeyringAdopterTest, RefusesReadyKeyring) {
  Start(/*replaced=*/false);
  for (const auto& result :
       {adopter_.Preview(Prompts::kRefused), adopter_.Adopt(Prompts::kRefused)}) {
    EXPECT_THAT(result, HasReason(Reason::kNotAdoptable));
    EXPECT_THAT(result.status().message(), HasSubstr("READY; there is nothing to adopt"));
  }
}

TEST_F(FileKeyringAdopterTest, NeedsARestartAfterTheKeyWasKnown) {
  Start(/*replaced=*/false);
  vault_.set_master_key(SecretString());
  executor_.Advance(absl::Seconds(2));
  ASSERT_EQ(health_.state(), VaultState::kReplaced);
  const absl::Status status = adopter_.Adopt(Prompts::kRefused).status();
  EXPECT_THAT(status, HasReason(Reason::kNotAdoptable));
  EXPECT_THAT(status, HasMetadata("vault_state", "REPLACED"));
  EXPECT_THAT(status.message(), HasSubstr("restart billbrokerd first, then adopt"));
  EXPECT_THAT(status.message(), HasSubstr("0 live sessions"));
}

TEST_F(FileKeyringAdopterTest, RefusesAfterItsEnd) {
  Start();
  adopter_.Use(nullptr);
  EXPECT_THAT(adopter_.Preview(Prompts::kRefused), HasReason(Reason::kDraining));
  EXPECT_THAT(adopter_.Adopt(Prompts::kRefused), HasReason(Reason::kDraining));
}

}  // namespace
}  // namespace billbroker
