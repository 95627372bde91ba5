// A database file that is removed or changed while the store has it open.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/session/sqlite/store_harness.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class LostFileTest : public testing::Test {
 protected:
  LostFileTest() {
    (void)harness_.Open();
    EXPECT_THAT(WriteAndWait(harness_.store(), SampleSlot(1)), IsOk());
  }
  static std::string BothRows() {
    return Describe(SampleSlot(1)) + "\n" +
           Describe(SampleSlot(kSampleUid, kSecondOrganization, 2));
  }
  absl::Status WriteSecond() {
    return WriteAndWait(harness_.store(), SampleSlot(kSampleUid, kSecondOrganization, 2));
  }

  SqliteStoreHarness harness_;
};

TEST_F(LostFileTest, RecreatesDeletedFile) {
  for (const char* suffix : {"", "-wal"}) std::filesystem::remove(harness_.path() + suffix);
  EXPECT_THAT(WriteSecond(), IsOk());
  EXPECT_THAT(harness_.observer().events(),
              ElementsAre("state READY", StartsWith("state DEGRADED: "), "state READY"));
  EXPECT_EQ(Describe(harness_.Reopen()), BothRows());
}

TEST_F(LostFileTest, TextNamesFileAndCause) {
  std::filesystem::remove(harness_.path());
  EXPECT_THAT(WriteSecond(), IsOk());
  EXPECT_THAT(harness_.observer().events(),
              Contains(AllOf(StartsWith("state DEGRADED: "), HasSubstr(harness_.path()),
                             HasSubstr("deleted, replaced or cut off"))));
}

TEST_F(LostFileTest, RecreatesFileAfterLogIsDeleted) {
  std::filesystem::remove(harness_.path() + "-wal");
  EXPECT_THAT(WriteSecond(), IsOk());
  EXPECT_EQ(harness_.observer().Count("state DEGRADED"), 1);
  EXPECT_EQ(harness_.observer().Count("aside"), 1);
  EXPECT_EQ(Describe(harness_.Reopen()), BothRows());
}

TEST_F(LostFileTest, SetsReplacementAsideUnchanged) {
  std::ofstream(harness_.folder().File("other")) << "another file";
  std::filesystem::rename(harness_.folder().File("other"), harness_.path());
  EXPECT_THAT(WriteSecond(), IsOk());
  EXPECT_THAT(harness_.observer().events(),
              ElementsAre("state READY", StartsWith("state DEGRADED: "), StartsWith("aside "),
                          "state READY"));
  EXPECT_EQ(harness_.Files()["sessions.db.aside-20270115T080000Z"], "another file");
  EXPECT_EQ(Describe(harness_.Reopen()), BothRows());
}

TEST_F(LostFileTest, KeepsChangesWhileRecreationFails) {
  for (const char* suffix : {"", "-wal"}) std::filesystem::remove(harness_.path() + suffix);
  {
    const NoWrites no_writes;
    for (int i = 0; i < 3; ++i) EXPECT_THAT(WriteSecond(), Not(IsOk()));
  }
  EXPECT_EQ(harness_.store().state(), StoreState::kDegraded);
  EXPECT_THAT(WriteAndWait(harness_.store(), SampleSlot(kSampleUid, kSecondOrganization, 2)),
              IsOk());
  EXPECT_EQ(harness_.observer().Count("aside"), 0);
  // The write of the fixture's last change may have failed before.
  EXPECT_THAT(harness_.observer().events(), Contains(HasSubstr("is lost")).Times(1));
  EXPECT_EQ(Describe(harness_.Reopen()), BothRows());
}

TEST_F(LostFileTest, ReportsLossOfFileThatCouldNotBeWritten) {
  {
    const NoWrites no_writes;
    EXPECT_THAT(WriteSecond(), Not(IsOk()));
    for (const char* suffix : {"", "-wal"}) std::filesystem::remove(harness_.path() + suffix);
    EXPECT_THAT(WriteSecond(), Not(IsOk()));
    EXPECT_THAT(
        harness_.observer().events(),
        ElementsAre("state READY", AllOf(StartsWith("state DEGRADED: "), Not(HasSubstr("is lost"))),
                    AllOf(StartsWith("state DEGRADED: "), HasSubstr("is lost"),
                          HasSubstr("once that is possible"))));
    EXPECT_THAT(harness_.store().status().why, HasSubstr("changes are in memory only"));
  }
  EXPECT_THAT(WriteSecond(), IsOk());
  EXPECT_EQ(harness_.observer().events().back(), "state READY");
  EXPECT_EQ(Describe(harness_.Reopen()), BothRows());
}

TEST_F(LostFileTest, NewerChangeWinsOverFailedOne) {
  for (const char* suffix : {"", "-wal"}) std::filesystem::remove(harness_.path() + suffix);
  {
    const NoWrites no_writes;
    // During the write of generation 3, before it fails.
    harness_.observer().set_on_next([this] { harness_.store().WriteSoon(SampleSlot(4)); });
    EXPECT_THAT(WriteAndWait(harness_.store(), SampleSlot(3)), Not(IsOk()));
  }
  EXPECT_THAT(WriteAndWait(harness_.store(), SampleAttempt()), IsOk());
  EXPECT_EQ(Describe(harness_.Reopen()),
            Describe(SampleAttempt()) + "\n" + Describe(SampleSlot(4)));
}

TEST_F(LostFileTest, KeepsChangesWhileFolderIsMissing) {
  const std::string away = harness_.folder().path() + "-away";
  std::filesystem::rename(harness_.folder().path(), away);
  EXPECT_THAT(WriteSecond(), Not(IsOk()));
  std::filesystem::rename(away, harness_.folder().path());
  EXPECT_THAT(WriteSecond(), IsOk());
  EXPECT_EQ(Describe(harness_.Reopen()), BothRows());
}

TEST_F(LostFileTest, RecreatesTruncatedFile) {
  (void)harness_.Reopen();
  std::filesystem::resize_file(harness_.path(), 4096);
  EXPECT_THAT(WriteSecond(), IsOk());
  EXPECT_EQ(harness_.observer().Count("state DEGRADED"), 1);
  EXPECT_EQ(harness_.observer().Count("aside"), 1);
  EXPECT_EQ(Describe(harness_.Reopen()), BothRows());
}

TEST_F(LostFileTest, SetsOverwrittenFileAside) {
  // More rows than the cache of SQLite holds.
  const auto write_all = [this](std::uint64_t from) {
    for (std::uint64_t i = 0; i < 6000; ++i) {
      harness_.store().WriteSoon(SampleSlot(kSampleUid, SampleOrganizationId(i), from + i));
    }
    return WriteAndWait(harness_.store(), SampleAttempt());
  };
  EXPECT_THAT(write_all(1), IsOk());
  (void)harness_.Reopen();
  {
    std::fstream file(harness_.path(), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(4096);
    file << std::string(std::filesystem::file_size(harness_.path()) - 4096, 'x');
  }
  EXPECT_THAT(write_all(10'001), IsOk());
  EXPECT_THAT(harness_.observer().events(),
              ElementsAre("state READY", StartsWith("state DEGRADED: "), StartsWith("aside "),
                          "state READY"));
  const StoreContents read = harness_.Reopen();
  EXPECT_GE(read.slots.size(), 6000u);
  for (const StoredSlot& slot : read.slots) {
    if (slot.organization_id == kFirstOrganization) continue;
    EXPECT_EQ(slot.organization_id, SampleOrganizationId(slot.generation - 10'001));
  }
}

}  // namespace
}  // namespace billbroker
