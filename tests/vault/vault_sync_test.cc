#include "vault/vault_sync.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/await.h"
#include "tests/support/fake_vault.h"
#include "tests/support/manual_time.h"
#include "tests/support/sample_credentials.h"
#include "tests/support/status_matchers.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class VaultRecorder final : public VaultObserver {
 public:
  void VaultStateChanged(VaultState before, VaultState after) override {
    events.push_back(absl::StrCat(VaultStateName(before), " -> ", VaultStateName(after)));
  }
  void VaultLoaded(const VaultContents& contents) override {
    events.push_back(absl::StrCat("loaded ", contents.credentials.size(), ", invalid ",
                                  contents.invalid_documents.size()));
  }
  void VaultLoadFailed(const absl::Status& why) override {
    events.push_back(absl::StrCat("failed ", ReasonName(DetailsOf(why)->reason)));
  }
  void VaultChangedElsewhere() override { events.push_back("changed elsewhere"); }
  std::vector<std::string> Take() { return std::exchange(events, {}); }

  std::vector<std::string> events;
};

class VaultSyncTest : public testing::Test {
 protected:
  void Start() {
    sync_ = std::make_unique<VaultSync>(
        VaultSyncOptions{}, VaultSync::Parts{executor_, vault_, health_, credentials_, recorder_});
    executor_.RunUntilIdle();
  }

  ManualClock clock_;
  ManualExecutor executor_{clock_};
  FakeVault vault_;
  VaultHealth health_;
  CredentialIndex credentials_{health_};
  VaultRecorder recorder_;
  std::unique_ptr<VaultSync> sync_;
};

TEST_F(VaultSyncTest, ReadsEverythingAtTheStart) {
  ASSERT_THAT(vault_.Create(SampleUser("acme-payables-user")), IsOk());
  vault_.PutForeign("mill-payables-user");
  Start();
  EXPECT_TRUE(credentials_.complete());
  EXPECT_EQ(health_.state(), VaultState::kReady);
  EXPECT_EQ((*credentials_.Find("00800000000000000081", ""))->name, "acme-payables-user");
  EXPECT_THAT(credentials_.invalid_documents(), ElementsAre("mill-payables-user"));
  EXPECT_THAT(recorder_.Take(), ElementsAre("UNKNOWN -> READY", "loaded 1, invalid 1"));
}

TEST_F(VaultSyncTest, UncertainWriteCausesAReload) {
  Start();
  ASSERT_THAT(vault_.Create(SampleUser("acme-payables-user")), IsOk());
  executor_.Advance(absl::Minutes(1));
  EXPECT_TRUE(credentials_.List().empty());
  health_.RequestReload();
  executor_.Advance(absl::Seconds(2));
  EXPECT_EQ(credentials_.List().size(), 1u);
  EXPECT_THAT(recorder_.Take(),
              ElementsAre("UNKNOWN -> READY", "loaded 0, invalid 0", "loaded 1, invalid 0"));
}

TEST_F(VaultSyncTest, RetriesUntilTheVaultIsUnlocked) {
  ASSERT_THAT(vault_.Create(SampleUser("acme-payables-user")), IsOk());
  vault_.set_state(VaultState::kLocked);
  Start();
  EXPECT_THAT(credentials_.Find("00800000000000000081", ""), HasReason(Reason::kVaultLocked));
  executor_.Advance(absl::Minutes(1));
  EXPECT_FALSE(credentials_.complete());
  vault_.set_state(VaultState::kReady);
  executor_.Advance(absl::Seconds(1));
  EXPECT_THAT(credentials_.Find("00800000000000000081", ""), IsOk());
  EXPECT_THAT(recorder_.Take(),
              ElementsAre("UNKNOWN -> LOCKED", "LOCKED -> READY", "loaded 1, invalid 0"));
}

TEST_F(VaultSyncTest, KeepsTheStateCurrentAndReadsOnce) {
  Start();
  recorder_.Take();
  executor_.Advance(absl::Minutes(1));
  EXPECT_THAT(recorder_.Take(), IsEmpty());
  EXPECT_EQ(vault_.reads(), 1);
  vault_.set_state(VaultState::kNoBus);
  executor_.Advance(absl::Seconds(2));
  EXPECT_EQ(health_.state(), VaultState::kNoBus);
  EXPECT_THAT(recorder_.Take(), ElementsAre("READY -> NO_BUS"));
  EXPECT_TRUE(credentials_.complete());
}

TEST_F(VaultSyncTest, ReloadsWhenTheVaultRecovers) {
  Start();
  vault_.set_state(VaultState::kTimedOut);
  executor_.Advance(absl::Seconds(2));
  recorder_.Take();
  vault_.set_state(VaultState::kReady);
  ASSERT_THAT(vault_.Create(SampleUser("acme-payables-user")), IsOk());
  executor_.Advance(absl::Seconds(2));
  EXPECT_THAT(recorder_.Take(), ElementsAre("TIMED_OUT -> READY", "loaded 1, invalid 0"));
  EXPECT_THAT(credentials_.Find("00800000000000000081", ""), IsOk());
}

TEST_F(VaultSyncTest, DetectsVaultLostBetweenProbeAndLoad) {
  vault_.set_hook([this](absl::string_view call) {
    if (call == "LoadAll") vault_.set_state(VaultState::kLocked);
  });
  Start();
  EXPECT_EQ(health_.state(), VaultState::kLocked);
  EXPECT_THAT(recorder_.Take(), ElementsAre("UNKNOWN -> READY", "READY -> LOCKED"));
}

TEST_F(VaultSyncTest, KeepsAChangeMadeDuringTheLoad) {
  int reads = 0;
  vault_.set_hook([&](absl::string_view call) {
    if (call != "LoadAll" || ++reads > 1) return;
    // Simulates a load just before this credential was stored.
    const Fingerprinter fingerprinter(SecretString::CopyOf(std::string(32, 'k')));
    credentials_.Put(InfoOf(SampleUser("acme-payables-user"), fingerprinter));
    vault_.set_hook([this](absl::string_view again) {
      if (again != "LoadAll") return;
      vault_.set_hook(nullptr);
      ASSERT_THAT(vault_.Create(SampleUser("acme-payables-user")), IsOk());
    });
  });
  Start();
  EXPECT_THAT(credentials_.Find("00800000000000000081", ""), IsOk());
  EXPECT_THAT(recorder_.Take(), ElementsAre("UNKNOWN -> READY", "loaded 1, invalid 0"));
}

TEST_F(VaultSyncTest, QueuedWorkIsDroppedAfterDestruction) {
  Start();
  sync_.reset();
  recorder_.Take();
  vault_.set_state(VaultState::kLocked);
  executor_.Advance(absl::Minutes(1));
  EXPECT_THAT(recorder_.Take(), IsEmpty());
}

TEST(VaultSyncThreadTest, DestructorWaitsForTheCurrentRound) {
  FakeVault vault;
  VaultHealth health;
  CredentialIndex credentials(health);
  VaultRecorder recorder;
  std::promise<void> probing;
  std::promise<void> released;
  const std::future<void> release = released.get_future();
  vault.set_hook([&](absl::string_view call) {
    if (call != "Probe") return;
    probing.set_value();
    AwaitReady(release, "the test to destroy the sync");
  });
  ThreadExecutor executor(1);
  auto sync = std::make_unique<VaultSync>(
      VaultSyncOptions{}, VaultSync::Parts{executor, vault, health, credentials, recorder});
  ASSERT_TRUE(AwaitReady(probing.get_future(), "the first round"));
  std::thread releaser([&] { released.set_value(); });
  sync.reset();
  EXPECT_TRUE(credentials.complete());  // the round ended first
  releaser.join();
}

// A vault that is ready, but whose master key is invalid.
class KeylessVault final : public Vault {
 public:
  absl::StatusOr<CredentialPtr> Load(absl::string_view name) override { return vault_.Load(name); }
  absl::StatusOr<VaultContents> LoadAll() override { return vault_.LoadAll(); }
  absl::Status Create(const Credential& credential) override { return vault_.Create(credential); }
  absl::Status Replace(const Credential& next) override { return vault_.Replace(next); }
  absl::Status Restage(const Credential& next) override { return vault_.Restage(next); }
  absl::Status Delete(absl::string_view name, absl::string_view uid,
                      std::uint64_t version) override {
    return vault_.Delete(name, uid, version);
  }
  absl::StatusOr<SecretString> MasterKey() override {
    return MakeError(Reason::kVaultDocumentInvalid, "the master key is invalid");
  }
  VaultState Probe() override { return vault_.Probe(); }
  bool TakeChangedElsewhere() override { return vault_.TakeChangedElsewhere(); }

 private:
  FakeVault vault_;
};

TEST_F(VaultSyncTest, FailedLoadIsReportedOnce) {
  KeylessVault vault;
  const VaultSync sync(VaultSyncOptions{},
                       VaultSync::Parts{executor_, vault, health_, credentials_, recorder_});
  executor_.Advance(absl::Minutes(1));
  EXPECT_FALSE(credentials_.complete());
  EXPECT_THAT(recorder_.Take(), ElementsAre("UNKNOWN -> READY", "failed VAULT_DOCUMENT_INVALID"));
}

TEST_F(VaultSyncTest, ReloadsAtTheProbeAfterAnOutsideChange) {
  ASSERT_THAT(vault_.Create(SampleUser("acme-payables-user")), IsOk());
  Start();
  recorder_.Take();
  ASSERT_THAT(vault_.Delete("acme-payables-user", SampleUser("acme-payables-user").uid,
                            SampleUser("acme-payables-user").version),
              IsOk());
  vault_.PutForeign("mill-payables-user");
  executor_.Advance(absl::Seconds(10));
  EXPECT_THAT(credentials_.Find("00800000000000000081", ""), IsOk());  // no notification yet
  vault_.TellChangedElsewhere();
  executor_.Advance(absl::Seconds(2));
  EXPECT_THAT(credentials_.Find("00800000000000000081", ""),
              HasReason(Reason::kUnknownOrganization));
  EXPECT_THAT(credentials_.invalid_documents(), ElementsAre("mill-payables-user"));
  EXPECT_THAT(recorder_.Take(), ElementsAre("changed elsewhere", "loaded 0, invalid 1"));
  const int reads = vault_.reads();
  executor_.Advance(absl::Seconds(10));
  EXPECT_EQ(vault_.reads(), reads);
}

}  // namespace
}  // namespace billbroker
