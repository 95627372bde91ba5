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
#include "tests/support/fake_key_witness.h"
#include "tests/support/fake_vault.h"
#include "tests/support/manual_time.h"
#include "tests/support/sample_credentials.h"
#include "tests/support/status_matchers.h"
#include "vault/base/clock.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::IsEmpty;

class VaultRecorder final : public VaultObserver {
 public:
  void VaultStateChanged(VaultState before, const absl::Status& after,
                         const VaultProvider& /*provider*/) override {
    events.push_back(
        absl::StrCat(VaultStateName(before), " -> ", VaultStateName(VaultStateOf(after))));
  }
  void VaultLoaded(const VaultReading& reading) override {
    events.push_back(absl::StrCat("loaded ", reading.credentials, ", invalid ",
                                  reading.invalid_documents.size()));
    last = reading;
  }
  void VaultChangedElsewhere() override { events.push_back("changed elsewhere"); }
  std::vector<std::string> Take() { return std::exchange(events, {}); }

  std::vector<std::string> events;
  VaultReading last;
};

class VaultSyncTest : public testing::Test {
 protected:
  void Start() {
    sync_ = std::make_unique<VaultSync>(VaultSyncOptions{}, MakeParts());
    executor_.RunUntilIdle();
  }
  VaultSync::Parts MakeParts() {
    return {clock_, executor_, vault_, witness_, health_, credentials_, recorder_};
  }
  std::vector<std::string> InvalidNames() const {
    std::vector<std::string> names;
    for (const InvalidDocument& document : credentials_.invalid_documents()) {
      names.push_back(document.name);
    }
    return names;
  }

  ManualClock clock_;
  ManualExecutor executor_{clock_};
  FakeVault vault_;
  FakeKeyWitness witness_;
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
  EXPECT_THAT(InvalidNames(), ElementsAre("mill-payables-user"));
  EXPECT_THAT(recorder_.Take(), ElementsAre("UNKNOWN -> READY", "loaded 1, invalid 1"));
}

// The first search missed the credential, or no signal announced it.
TEST_F(VaultSyncTest, RepeatsTheFirstRead) {
  Start();
  ASSERT_THAT(vault_.Create(SampleUser("acme-payables-user")), IsOk());
  executor_.Advance(absl::Seconds(2));
  EXPECT_THAT(credentials_.Find("00800000000000000081", ""), IsOk());
  EXPECT_THAT(recorder_.Take(),
              ElementsAre("UNKNOWN -> READY", "loaded 0, invalid 0", "loaded 1, invalid 0"));
}

TEST_F(VaultSyncTest, UncertainWriteCausesAReload) {
  Start();
  executor_.Advance(absl::Seconds(2));
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

TEST_F(VaultSyncTest, KeepsTheStateCurrentAndReadsTwice) {
  Start();
  recorder_.Take();
  executor_.Advance(absl::Minutes(1));
  EXPECT_THAT(recorder_.Take(), IsEmpty());
  EXPECT_EQ(vault_.reads(), 2);
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
  EXPECT_THAT(recorder_.Take(), ElementsAre("UNKNOWN -> LOCKED"));
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
  const SystemClock clock;
  FakeKeyWitness witness;
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
      VaultSyncOptions{},
      VaultSync::Parts{clock, executor, vault, witness, health, credentials, recorder});
  ASSERT_TRUE(AwaitReady(probing.get_future(), "the first round"));
  std::thread releaser([&] { released.set_value(); });
  sync.reset();
  EXPECT_TRUE(credentials.complete());  // the round ended first
  releaser.join();
}

TEST_F(VaultSyncTest, ReloadsAtTheProbeAfterAnOutsideChange) {
  Start();
  executor_.Advance(absl::Seconds(2));
  recorder_.Take();
  ASSERT_THAT(vault_.Create(SampleUser("acme-payables-user")), IsOk());
  vault_.PutForeign("mill-payables-user");
  executor_.Advance(absl::Seconds(10));
  EXPECT_THAT(credentials_.Find("00800000000000000081", ""),
              HasReason(Reason::kUnknownOrganization));  // no notification yet
  vault_.TellChangedElsewhere();
  executor_.Advance(absl::Seconds(2));
  EXPECT_THAT(credentials_.Find("00800000000000000081", ""), IsOk());
  EXPECT_THAT(InvalidNames(), ElementsAre("mill-payables-user"));
  EXPECT_THAT(recorder_.Take(), ElementsAre("changed elsewhere", "loaded 1, invalid 1"));
  EXPECT_THAT(recorder_.last.added, ElementsAre("acme-payables-user"));
  const int reads = vault_.reads();
  executor_.Advance(absl::Seconds(10));
  EXPECT_EQ(vault_.reads(), reads);
}

// --- only a proven deletion is a deletion ----------------------------------------------------

TEST_F(VaultSyncTest, SecondReadProvesADeletion) {
  ASSERT_THAT(vault_.Create(SampleUser("acme-payables-user")), IsOk());
  Start();
  vault_.Lose("acme-payables-user");
  vault_.TellChangedElsewhere();
  executor_.Advance(absl::Seconds(2));
  EXPECT_THAT(credentials_.Find("00800000000000000081", ""), IsOk());
  EXPECT_THAT(recorder_.last.missing, ElementsAre("acme-payables-user"));
  executor_.Advance(absl::Milliseconds(1999));
  EXPECT_THAT(credentials_.Find("00800000000000000081", ""), IsOk());
  executor_.Advance(absl::Milliseconds(1));
  EXPECT_THAT(credentials_.Find("00800000000000000081", ""),
              HasReason(Reason::kUnknownOrganization));
  EXPECT_THAT(recorder_.last.removed, ElementsAre("acme-payables-user"));
  const int reads = vault_.reads();
  executor_.Advance(absl::Seconds(10));
  EXPECT_EQ(vault_.reads(), reads);
}

TEST_F(VaultSyncTest, OneReadThatMissesACredentialProvesNothing) {
  const Credential credential = SampleUser("acme-payables-user");
  ASSERT_THAT(vault_.Create(credential), IsOk());
  Start();
  for (int round = 0; round < 3; ++round) {
    vault_.Lose("acme-payables-user");
    health_.RequestReload();
    executor_.Advance(absl::Seconds(2));
    EXPECT_THAT(recorder_.last.missing, ElementsAre("acme-payables-user"));
    ASSERT_THAT(vault_.Create(credential), IsOk());
    executor_.Advance(absl::Seconds(2));
    EXPECT_THAT(recorder_.last.missing, IsEmpty());
    EXPECT_THAT(credentials_.Find("00800000000000000081", ""), IsOk());
  }
}

TEST_F(VaultSyncTest, ReportsACredentialThatWentBack) {
  Credential next = SampleUser("acme-payables-user");
  ASSERT_THAT(vault_.Create(next), IsOk());
  ++next.version;
  ASSERT_THAT(vault_.Replace(next), IsOk());
  Start();
  vault_.Lose("acme-payables-user");
  ASSERT_THAT(vault_.Create(SampleUser("acme-payables-user")), IsOk());
  health_.RequestReload();
  executor_.Advance(absl::Seconds(2));
  EXPECT_THAT(recorder_.last.changed, ElementsAre("acme-payables-user"));
  EXPECT_THAT(recorder_.last.reverted, ElementsAre("acme-payables-user"));
}

TEST_F(VaultSyncTest, BrokenDocumentKeepsItsCredential) {
  ASSERT_THAT(vault_.Create(SampleUser("acme-payables-user")), IsOk());
  Start();
  vault_.PutForeign("acme-payables-user");
  health_.RequestReload();
  executor_.Advance(absl::Minutes(1));
  EXPECT_THAT(credentials_.Find("00800000000000000081", ""), IsOk());
  EXPECT_THAT(InvalidNames(), ElementsAre("acme-payables-user"));
}

TEST_F(VaultSyncTest, UnnamedItemKeepsAllCredentials) {
  ASSERT_THAT(vault_.Create(SampleUser("acme-payables-user")), IsOk());
  Start();
  vault_.Lose("acme-payables-user");
  vault_.PutForeign("unnamed item 7");
  vault_.TellChangedElsewhere();
  executor_.Advance(absl::Minutes(1));
  EXPECT_THAT(credentials_.Find("00800000000000000081", ""), IsOk());
  EXPECT_THAT(recorder_.last.missing, IsEmpty());
  vault_.Lose("unnamed item 7");
  vault_.TellChangedElsewhere();
  executor_.Advance(absl::Seconds(2));
  EXPECT_THAT(recorder_.last.missing, ElementsAre("acme-payables-user"))
      << "reads with the unnamed item prove nothing";
  executor_.Advance(absl::Seconds(2));
  EXPECT_THAT(recorder_.last.removed, ElementsAre("acme-payables-user"));
}

TEST_F(VaultSyncTest, ReadsAnItemAgainThatWasNotReturned) {
  ASSERT_THAT(vault_.Create(SampleUser("acme-payables-user")), IsOk());
  vault_.FailReadsOf("acme-payables-user", VaultError(VaultState::kFailing));
  Start();
  EXPECT_THAT(InvalidNames(), ElementsAre("acme-payables-user"));
  executor_.Advance(absl::Minutes(1));
  EXPECT_THAT(recorder_.Take(), ElementsAre("UNKNOWN -> READY", "loaded 0, invalid 1"))
      << "the same result is reported once";
  vault_.FailReadsOf("acme-payables-user", absl::OkStatus());
  executor_.Advance(absl::Seconds(22));
  EXPECT_THAT(credentials_.Find("00800000000000000081", ""), IsOk());
  EXPECT_THAT(recorder_.Take(), ElementsAre("loaded 1, invalid 0"));
  const int reads = vault_.reads();
  executor_.Advance(absl::Minutes(1));
  EXPECT_EQ(vault_.reads(), reads);
}

TEST_F(VaultSyncTest, OrganizationOfAnUnreadDocumentIsNotUnknown) {
  vault_.PutForeign("acme-payables-user");
  Start();
  EXPECT_THAT(credentials_.Find("00800000000000000081", ""),
              AllOf(HasReason(Reason::kVaultDocumentInvalid),
                    HasMetadata("credentials", "acme-payables-user")));
}

// --- the master key ------------------------------------------------------------------------

TEST_F(VaultSyncTest, FirstStartCreatesTheMasterKey) {
  vault_.set_master_key(SecretString());
  Start();
  EXPECT_TRUE(credentials_.complete());
  EXPECT_THAT(vault_.MasterKey(), IsOk());
}

TEST_F(VaultSyncTest, MissingKeyBesideSealedFilesIsNotCreated) {
  vault_.set_master_key(SecretString());
  witness_.Seal("the master key of 32 bytes......");
  Start();
  EXPECT_EQ(health_.state(), VaultState::kReplaced);
  EXPECT_FALSE(credentials_.complete());
  EXPECT_THAT(vault_.MasterKey(), StatusIs(absl::StatusCode::kNotFound));
  vault_.set_master_key(SecretString::CopyOf("the master key of 32 bytes......"));
  executor_.Advance(absl::Seconds(2));
  EXPECT_EQ(health_.state(), VaultState::kReady);
  EXPECT_THAT(recorder_.Take(),
              ElementsAre("UNKNOWN -> REPLACED", "REPLACED -> READY", "loaded 0, invalid 0"));
}

TEST_F(VaultSyncTest, KeyThatDoesNotOpenTheFilesIsNotTrusted) {
  witness_.Seal("another key that is 32 bytes too");
  ASSERT_THAT(vault_.Create(SampleUser("acme-payables-user")), IsOk());
  Start();
  EXPECT_EQ(health_.state(), VaultState::kReplaced);
  EXPECT_THAT(credentials_.Find("00800000000000000081", ""), HasReason(Reason::kVaultUnreachable));
}

TEST_F(VaultSyncTest, EmptyKeyringKeepsAllCredentials) {
  ASSERT_THAT(vault_.Create(SampleUser("acme-payables-user")), IsOk());
  Start();
  const SecretString key = *vault_.MasterKey();
  vault_.set_master_key(SecretString());
  vault_.Lose("acme-payables-user");
  executor_.Advance(absl::Minutes(1));
  EXPECT_EQ(health_.state(), VaultState::kReplaced);
  EXPECT_THAT(credentials_.Find("00800000000000000081", ""), IsOk());
  vault_.set_master_key(key.Clone());
  ASSERT_THAT(vault_.Create(SampleUser("acme-payables-user")), IsOk());
  executor_.Advance(absl::Seconds(2));
  EXPECT_EQ(health_.state(), VaultState::kReady);
  EXPECT_THAT(credentials_.Find("00800000000000000081", ""), IsOk());
}

TEST_F(VaultSyncTest, StateDoesNotFlapIfOnlyTheReadFails) {
  vault_.set_hook([this](absl::string_view call) {
    if (call == "LoadAll") vault_.set_state(VaultState::kLocked);
    if (call == "Probe") vault_.set_state(VaultState::kReady);
  });
  Start();
  executor_.Advance(absl::Minutes(1));
  EXPECT_THAT(recorder_.Take(), ElementsAre("UNKNOWN -> LOCKED"));
}

TEST_F(VaultSyncTest, ReportsReasonsOfOneStateOnceAMinute) {
  int answers = 0;
  vault_.set_state(VaultState::kFailing);
  vault_.set_hook([&](absl::string_view call) {
    if (call == "Probe") vault_.set_reason(absl::StrCat("error number ", ++answers));
  });
  Start();
  executor_.Advance(absl::Seconds(50));
  EXPECT_THAT(recorder_.Take(), ElementsAre("UNKNOWN -> FAILING"));
  executor_.Advance(absl::Seconds(60));
  EXPECT_THAT(recorder_.Take(), ElementsAre("FAILING -> FAILING"));
}

TEST_F(VaultSyncTest, ReportsAReasonThatStays) {
  vault_.set_state(VaultState::kNoBus);
  vault_.set_reason("the bus cannot be reached");
  Start();
  executor_.Advance(absl::Seconds(20));
  vault_.set_reason("the bus belongs to uid 1000");
  executor_.Advance(absl::Seconds(60));
  EXPECT_THAT(recorder_.Take(), ElementsAre("UNKNOWN -> NO_BUS", "NO_BUS -> NO_BUS"));
}

}  // namespace
}  // namespace billbroker
