// Files that Open() cannot use. The store sets them aside if it can, and never overwrites them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/server/session/sqlite/store_harness.h"
#include "tests/support/status_matchers.h"
#include "tests/support/store_calls.h"

namespace billbroker {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

constexpr char kAside[] = "sessions.db.aside-20270115T080000Z";

class StoreFileTest : public testing::Test {
 protected:
  void WriteOne() {
    (void)harness_.Open();
    EXPECT_THAT(WriteAndWait(harness_.store(), SampleSlot(11)), IsOk());
    harness_.Stop();
  }
  void ExpectFreshStore(const std::string& why) {
    EXPECT_EQ(Describe(harness_.Reopen()), "");
    EXPECT_THAT(harness_.observer().events(),
                ElementsAre(MatchesRegex(absl::StrCat("aside ", kAside, ": .*", why, ".*")),
                            "state READY"));
    EXPECT_THAT(WriteAndWait(harness_.store(), SampleSlot(12)), IsOk());
    EXPECT_EQ(Describe(harness_.Reopen()), Describe(SampleSlot(12)));
  }
  void ExpectMemoryOnly(const std::string& why) {
    EXPECT_EQ(Describe(harness_.Reopen()), "");
    EXPECT_EQ(harness_.store().state(), StoreState::kMemoryOnly);
    EXPECT_THAT(harness_.observer().events(), ElementsAre(HasSubstr(why)));
    EXPECT_THAT(harness_.observer().events(), ElementsAre(HasSubstr(harness_.path())));
    EXPECT_THAT(WriteAndWait(harness_.store(), SampleSlot(12)),
                StatusIs(absl::StatusCode::kUnavailable));
  }

  SqliteStoreHarness harness_;
};

TEST_F(StoreFileTest, SetsFileOfAnotherKeyAside) {
  WriteOne();
  harness_.Start();
  EXPECT_EQ(Describe(OpenNow(harness_.store(), MasterKey('x'))), "");
  EXPECT_THAT(harness_.observer().events(), ElementsAre(StartsWith("aside "), "state READY"));
  harness_.Stop();
  std::filesystem::rename(harness_.folder().File(kAside), harness_.path());
  EXPECT_EQ(Describe(harness_.Reopen()), Describe(SampleSlot(11)));
}

// A change of a good file, as SQL, and the reason that the observer receives.
struct BadFile {
  const char* name;
  const char* sql;
  const char* why;
};

void PrintTo(const BadFile& file, std::ostream* out) { *out << file.name; }

class BadFileTest : public StoreFileTest, public testing::WithParamInterface<BadFile> {};

TEST_P(BadFileTest, IsSetAsideAndTextNamesCause) {
  WriteOne();
  harness_.RawSql(GetParam().sql);
  ExpectFreshStore(GetParam().why);
}

INSTANTIATE_TEST_SUITE_P(
    Changes, BadFileTest,
    testing::Values(
        BadFile{"NoCanary", "DELETE FROM canary", "another master key"},
        BadFile{"AddedTrigger",
                "CREATE TRIGGER t AFTER INSERT ON rows BEGIN DELETE FROM rows WHERE kind = 2; END",
                "added to its schema"},
        BadFile{"DroppedColumn", "ALTER TABLE rows DROP COLUMN boot", ""}),
    [](const testing::TestParamInfo<BadFile>& file) { return file.param.name; });

TEST_F(StoreFileTest, SetsNonDatabaseAsideUnchanged) {
  std::ofstream(harness_.path()) << "some notes, which are not a database\n";
  ExpectFreshStore("not a database");
  EXPECT_EQ(harness_.Files()[kAside], "some notes, which are not a database\n");
}

TEST_F(StoreFileTest, SetsFileOfAnotherProgramAsideUnchanged) {
  harness_.RawSql("CREATE TABLE rows (x); INSERT INTO rows VALUES (1)");
  const std::string before = harness_.Files()["sessions.db"];
  ExpectFreshStore("another program");
  EXPECT_EQ(harness_.Files()[kAside], before);
}

TEST_F(StoreFileTest, UpgradesOlderVersion) {
  // Version 0 is a store without a table.
  harness_.RawSql("PRAGMA application_id = 0x42425353");
  EXPECT_EQ(Describe(harness_.Reopen()), "");
  EXPECT_THAT(harness_.observer().events(), ElementsAre("state READY"));
  EXPECT_THAT(WriteAndWait(harness_.store(), SampleSlot(12)), IsOk());
}

TEST_F(StoreFileTest, LeavesFileOfNewerVersionAlone) {
  WriteOne();
  EXPECT_THAT(CheckStoreVersion(harness_.path()), IsOk());
  harness_.RawSql("PRAGMA user_version = 3");
  const std::string before = harness_.Files()["sessions.db"];
  const absl::Status newer = CheckStoreVersion(harness_.path());
  EXPECT_THAT(newer, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(
      std::string(newer.message()),
      AllOf(HasSubstr(harness_.path()), HasSubstr("schema version 3"), HasSubstr("up to version 2"),
            HasSubstr("Install the newer package"), HasSubstr("move the file away")));
  ExpectMemoryOnly("schema version 3");
  EXPECT_EQ(harness_.Files()["sessions.db"], before);
  EXPECT_EQ(harness_.observer().Count("aside"), 0);
}

TEST_F(StoreFileTest, VersionCheckAcceptsOtherFiles) {
  EXPECT_THAT(CheckStoreVersion(harness_.path()), IsOk()) << "no file";
  std::filesystem::create_directory(harness_.path());
  EXPECT_THAT(CheckStoreVersion(harness_.path()), IsOk()) << "a folder";
  std::filesystem::remove(harness_.path());
  harness_.RawSql("CREATE TABLE t (x); PRAGMA user_version = 99");
  EXPECT_THAT(CheckStoreVersion(harness_.path()), IsOk()) << "another program's";
}

TEST_F(StoreFileTest, KeepsBothFilesSetAsideInOneSecond) {
  for (int i = 0; i < 2; ++i) {
    harness_.Stop();
    std::ofstream(harness_.path()) << "no database";
    (void)harness_.Reopen();
    EXPECT_EQ(harness_.store().state(), StoreState::kReady);
  }
  EXPECT_EQ(harness_.Files()[kAside], "no database");
  EXPECT_EQ(harness_.Files()[std::string(kAside) + ".2"], "no database");
}

// Whichever byte is damaged, the store works and returns only whole rows.
TEST_F(StoreFileTest, DamagedFileYieldsOnlyWholeRows) {
  (void)harness_.Open();
  for (std::uint64_t i = 1; i <= 30; ++i) {
    harness_.store().WriteSoon(SampleSlot(kSampleUid, SampleOrganizationId(i), i));
  }
  harness_.Stop();
  const std::string good = harness_.Files()["sessions.db"];
  for (std::size_t at = 0; at < good.size(); at += at < 100 ? 1 : 1499) {
    if (at == 60) at = 64;  // the version: the file looks like one of a newer billbrokerd
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x55);
    std::ofstream(harness_.path(), std::ios::binary) << bad;
    for (const StoredSlot& slot : harness_.Reopen().slots) {
      EXPECT_EQ(Describe(slot),
                Describe(SampleSlot(kSampleUid, slot.organization_id, slot.generation)));
    }
    EXPECT_EQ(harness_.store().state(), StoreState::kReady) << at;
    EXPECT_THAT(WriteAndWait(harness_.store(), SampleAttempt()), IsOk()) << at;
    harness_.Stop();
    for (const auto& [name, bytes] : harness_.Files()) {
      std::filesystem::remove(harness_.folder().File(name));
    }
  }
}

TEST_F(StoreFileTest, TruncatedFileYieldsOnlyWholeRows) {
  (void)harness_.Open();
  constexpr std::size_t kRows = 30;
  for (std::uint64_t i = 1; i <= kRows; ++i) {
    harness_.store().WriteSoon(SampleSlot(kSampleUid, SampleOrganizationId(i), i));
  }
  harness_.Stop();
  const std::string good = harness_.Files()["sessions.db"];
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{99}, std::size_t{100},
                                 std::size_t{4095}, std::size_t{4096}, std::size_t{4097},
                                 good.size() / 2, good.size() - 4096, good.size() - 1}) {
    std::ofstream(harness_.path(), std::ios::binary) << good.substr(0, size);
    const std::vector<StoredSlot> slots = harness_.Reopen().slots;
    for (const StoredSlot& slot : slots) {
      EXPECT_EQ(Describe(slot),
                Describe(SampleSlot(kSampleUid, slot.organization_id, slot.generation)));
    }
    EXPECT_EQ(harness_.store().state(), StoreState::kReady) << size;
    // SQLite treats a file of at most one byte as new. The last byte of a page can be unused: then
    // no row is lost.
    if (size > 1 && slots.size() < kRows) {
      EXPECT_EQ(harness_.observer().Count("aside") + harness_.observer().Count("dropped"), 1)
          << size;
    }
    harness_.Stop();
    for (const auto& [name, bytes] : harness_.Files()) {
      std::filesystem::remove(harness_.folder().File(name));
    }
  }
}

// The write-ahead log of a killed process, truncated anywhere, yields a prefix of the transactions.
TEST_F(StoreFileTest, TruncatedLogYieldsEarlierTransactions) {
  (void)harness_.Open();
  for (std::uint64_t i = 1; i <= 20; ++i) {
    EXPECT_THAT(WriteAndWait(harness_.store(), SampleSlot(i)), IsOk());
  }
  const std::map<std::string, std::string> killed = harness_.Files();
  harness_.Stop();
  const std::string& log = killed.at("sessions.db-wal");
  std::uint64_t before = 0;
  for (std::size_t size = 0; size <= log.size(); size += 1013) {
    std::ofstream(harness_.path(), std::ios::binary) << killed.at("sessions.db");
    std::ofstream(harness_.path() + "-wal", std::ios::binary) << log.substr(0, size);
    const StoreContents read = harness_.Reopen();
    ASSERT_LE(read.slots.size(), 1u);
    const std::uint64_t last = read.slots.empty() ? 0 : read.slots[0].generation;
    EXPECT_GE(last, before) << size;
    before = last;
    EXPECT_EQ(harness_.store().state(), StoreState::kReady);
    EXPECT_EQ(harness_.observer().Count("dropped"), 0);
    harness_.Stop();
  }
  EXPECT_GE(before, 19u);
}

TEST_F(StoreFileTest, UncreatableFileTextNamesFileAndFix) {
  std::ofstream(harness_.folder().File("file")).flush();
  harness_.options().path = harness_.folder().File("file/sessions.db");
  harness_.Start();
  EXPECT_EQ(Describe(harness_.Open()), "");
  EXPECT_EQ(harness_.store().state(), StoreState::kMemoryOnly);
  EXPECT_THAT(harness_.observer().events(),
              ElementsAre(MatchesRegex("state MEMORY_ONLY: cannot open .*/file/sessions.db: "
                                       ".*see that its folder exists.*")));
}

TEST_F(StoreFileTest, LeavesFileOfAnotherStoreAlone) {
  (void)harness_.Open();
  EXPECT_THAT(WriteAndWait(harness_.store(), SampleSlot(11)), IsOk());
  RecordingStoreObserver observer;
  SqliteStore second(harness_.options(), harness_.clock(), observer);
  EXPECT_EQ(Describe(OpenNow(second, MasterKey())), "");
  EXPECT_THAT(observer.events(), ElementsAre(StartsWith("state MEMORY_ONLY: ")));
  EXPECT_THAT(WriteAndWait(harness_.store(), SampleSlot(12)), IsOk());
  EXPECT_EQ(Describe(harness_.Reopen()), Describe(SampleSlot(12)));
}

// Drops the rights of root while it exists, because file modes do not apply to root.
class Unprivileged final {
 public:
  Unprivileged() {
    if (::geteuid() == 0) became_ = ::setegid(65534) == 0 && ::seteuid(65534) == 0;
  }
  ~Unprivileged() {
    if (became_ && (::seteuid(0) != 0 || ::setegid(0) != 0)) std::abort();
  }
  [[nodiscard]] bool effective() const { return ::geteuid() != 0; }

 private:
  bool became_ = false;
};

TEST_F(StoreFileTest, DoesNotUseReadOnlyFile) {
  WriteOne();
  ::chmod(harness_.folder().path().c_str(), 0777);
  ::chmod(harness_.path().c_str(), 0444);
  const Unprivileged unprivileged;
  if (!unprivileged.effective()) GTEST_SKIP() << "cannot give up root's rights here";
  ExpectMemoryOnly("Permission denied");
}

TEST_F(StoreFileTest, DoesNotUseReadOnlyFolder) {
  WriteOne();
  ::chmod(harness_.path().c_str(), 0600);
  EXPECT_EQ(::geteuid() == 0 ? ::chown(harness_.path().c_str(), 65534, 65534) : 0, 0);
  ::chmod(harness_.folder().path().c_str(), 0555);
  {
    const Unprivileged unprivileged;
    if (!unprivileged.effective()) GTEST_SKIP() << "cannot give up root's rights here";
    ExpectMemoryOnly("readonly database");
    harness_.Stop();
  }
  ::chmod(harness_.folder().path().c_str(), 0755);
}

TEST_F(StoreFileTest, DoesNotUseUnwritableDisk) {
  WriteOne();
  const NoWrites no_writes;
  ExpectMemoryOnly("check its disk");
  EXPECT_EQ(harness_.observer().Count("aside"), 0);
}

}  // namespace
}  // namespace billbroker
