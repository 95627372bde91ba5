// Disks that hang, and which writes wait for the disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/server/session/sqlite/store_harness.h"
#include "tests/server/session/sqlite/test_vfs.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class HangingDiskTest : public testing::Test {
 protected:
  HangingDiskTest() : harness_(std::make_unique<SqliteStoreHarness>()) {
    harness_->options().answer_timeout = absl::Milliseconds(1);
    harness_->Start();
  }
  ~HangingDiskTest() override {
    vfs_.set_hanging(false);
    Stop();
    harness_.reset();
  }
  // Ends the store, and waits for the calls that it left behind.
  void Stop() {
    harness_->Stop();
    EXPECT_TRUE(Await([&] { return vfs_.open_files() == 0; }, "the file to be closed"));
  }
  SqliteStore& store() { return harness_->store(); }
  // Opens the store, however slow the disk is.
  void Open() {
    (void)harness_->Open();
    ASSERT_TRUE(Await([&] { return store().state() == StoreState::kReady; }, "the store to open"));
  }
  // Writes until the disk hangs in a write.
  void HangInWrite() {
    vfs_.set_hanging(true);
    EXPECT_THAT(WriteAndWait(store(), SampleSlot(2)), StatusIs(absl::StatusCode::kUnavailable));
    ASSERT_TRUE(Await([&] { return vfs_.blocked(); }, "a write to hang"));
    ASSERT_EQ(store().state(), StoreState::kNotAnswering);
  }

  TestVfs vfs_;
  std::unique_ptr<SqliteStoreHarness> harness_;
};

TEST_F(HangingDiskTest, WriteFailsWithoutAnswer) {
  Open();
  HangInWrite();
  EXPECT_THAT(store().status().why, HasSubstr("does not answer"));
  EXPECT_THAT(store().status().why, HasSubstr(harness_->path()));
  // The next one does not wait at all, and a change waits for the disk.
  EXPECT_THAT(WriteAndWait(store(), SampleSlot(3)), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(store().state(), StoreState::kNotAnswering);
}

TEST_F(HangingDiskTest, WritesLatestChangesOnceDiskAnswers) {
  Open();
  HangInWrite();
  EXPECT_THAT(WriteAndWait(store(), SampleSlot(3)), StatusIs(absl::StatusCode::kUnavailable));
  vfs_.set_hanging(false);
  ASSERT_TRUE(Await([&] { return store().state() == StoreState::kReady; }, "the disk to answer"));
  Stop();
  harness_->options().answer_timeout = absl::Seconds(60);
  EXPECT_EQ(Describe(harness_->Reopen()), Describe(SampleSlot(3)));
  EXPECT_THAT(harness_->observer().events(), ElementsAre("state READY"));
}

TEST_F(HangingDiskTest, ClosesWhileWriteHangs) {
  Open();
  HangInWrite();
  harness_->Stop();
  EXPECT_TRUE(vfs_.blocked()) << "the write still hangs";
  vfs_.set_hanging(false);
  EXPECT_TRUE(Await([&] { return !vfs_.blocked(); }, "the write to end"));
}

TEST_F(HangingDiskTest, OpensOnceDiskAnswers) {
  vfs_.set_hanging(true);
  EXPECT_EQ(Describe(harness_->Open()), "");
  EXPECT_EQ(store().state(), StoreState::kNotAnswering);
  EXPECT_THAT(WriteAndWait(store(), SampleSlot(1)), StatusIs(absl::StatusCode::kUnavailable));
  vfs_.set_hanging(false);
  ASSERT_TRUE(Await([&] { return store().state() == StoreState::kReady; }, "the store to open"));
}

TEST_F(HangingDiskTest, ClosesWhileOpeningHangs) {
  vfs_.set_hanging(true);
  EXPECT_EQ(Describe(harness_->Open()), "");
  ASSERT_TRUE(Await([this] { return vfs_.blocked(); }, "the open to hang"));
  harness_->Stop();
  EXPECT_TRUE(vfs_.blocked());
}

// The log is synced at each commit with synchronous = FULL, and not with NORMAL.
class DurabilityTest : public testing::Test {
 protected:
  DurabilityTest() {
    EXPECT_THAT(disk_.Open(absl::UnixEpoch()).status(), IsOk());
    (void)SyncsFor(SampleSlot(1));  // the first write syncs the header of the log
  }
  // Returns how often the disk is synced for one change.
  int SyncsFor(const StoreChange& change) {
    const int before = vfs_.syncs();
    StoreQueue::Changes changes;
    changes.emplace(KeyOf(change), change);
    EXPECT_THAT(disk_.Write(changes, absl::UnixEpoch()), IsOk());
    return vfs_.syncs() - before;
  }

  TestVfs vfs_;
  TempFolder folder_;
  StoreDisk disk_{{folder_.File("sessions.db"), "boot-1", absl::Milliseconds(1)}, MasterKey()};
};

TEST_F(DurabilityTest, AttemptsAndQuarantinesSurvivePowerCut) {
  EXPECT_EQ(SyncsFor(SampleSlot(2)), 0);
  EXPECT_GT(SyncsFor(SampleAttempt()), 0);
  EXPECT_EQ(SyncsFor(SampleSlot(3)), 0);
  EXPECT_GT(SyncsFor(SampleQuarantine("scope-that-was-refused")), 0);
  EXPECT_EQ(SyncsFor(AttemptForgotten{"attempt-to-sign-in-1"}), 0);
}

}  // namespace
}  // namespace billbroker
