// Files that Open() cannot use: set aside where that is possible, never overwritten, never a crash.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/server/session/sqlite/store_harness.h"

namespace billbroker {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;

constexpr char kAside[] = "sessions.db.aside-20270115T080000Z";

class StoreFileTest : public testing::Test {
 protected:
  void WriteOne() {
    (void)harness_.Open();
    EXPECT_EQ(harness_.store().WriteNow(SamplePair("uid", "0081", 11)), absl::OkStatus());
    harness_.Stop();
  }
  void ExpectFreshStore(const std::string& why) {
    EXPECT_EQ(Describe(harness_.Reopen()), "");
    EXPECT_THAT(harness_.observer().told(),
                ElementsAre(MatchesRegex(absl::StrCat("aside ", kAside, ": .*", why, ".*")),
                            "state READY"));
    EXPECT_EQ(harness_.store().WriteNow(SamplePair("uid", "0081", 12)), absl::OkStatus());
    EXPECT_EQ(Describe(harness_.Reopen()), Describe(SamplePair("uid", "0081", 12)));
  }
  void ExpectMemoryOnly(const std::string& why) {
    EXPECT_EQ(Describe(harness_.Reopen()), "");
    EXPECT_EQ(harness_.store().state(), StoreState::kMemoryOnly);
    EXPECT_THAT(harness_.observer().told(), ElementsAre(HasSubstr(why)));
    EXPECT_THAT(harness_.observer().told(), ElementsAre(HasSubstr(harness_.path())));
    const absl::Status status = harness_.store().WriteNow(SamplePair("uid", "0081", 12));
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(std::string(status.message()), HasSubstr(harness_.path()));
  }

  SqliteStoreHarness harness_;
};

TEST_F(StoreFileTest, OfAnotherKeyIsSetAsideAndCanBePutBack) {
  WriteOne();
  harness_.Start();
  EXPECT_EQ(Describe(harness_.store().Open(MasterKey('x'))), "");
  EXPECT_THAT(harness_.observer().told(),
              ElementsAre(HasSubstr("another master key"), "state READY"));
  harness_.Stop();
  std::filesystem::rename(harness_.folder().File(kAside), harness_.path());
  EXPECT_EQ(Describe(harness_.Reopen()), Describe(SamplePair("uid", "0081", 11)));
}

TEST_F(StoreFileTest, ThatLostItsCanaryIsSetAside) {
  WriteOne();
  harness_.RawSql("DELETE FROM canary");
  ExpectFreshStore("another master key");
}

TEST_F(StoreFileTest, ThatIsNoDatabaseIsSetAside) {
  std::ofstream(harness_.path()) << "some notes, which are not a database\n";
  ExpectFreshStore("not a database");
  EXPECT_EQ(harness_.Files()[kAside], "some notes, which are not a database\n");
}

TEST_F(StoreFileTest, OfAnotherProgramIsSetAsideUnchanged) {
  harness_.RawSql("CREATE TABLE rows (x); INSERT INTO rows VALUES (1)");
  const std::string before = harness_.Files()["sessions.db"];
  ExpectFreshStore("another program");
  EXPECT_EQ(harness_.Files()[kAside], before);
}

TEST_F(StoreFileTest, OfANewerVersionIsSetAside) {
  WriteOne();
  harness_.RawSql("PRAGMA user_version = 2");
  ExpectFreshStore("newer billbroker");
}

TEST_F(StoreFileTest, OfAnOlderVersionIsBroughtUpToDate) {
  // Version 0 is a store without a table.
  harness_.RawSql("PRAGMA application_id = 0x42425353");
  EXPECT_EQ(Describe(harness_.Reopen()), "");
  EXPECT_THAT(harness_.observer().told(), ElementsAre("state READY"));
  EXPECT_EQ(harness_.store().WriteNow(SamplePair("uid", "0081", 12)), absl::OkStatus());
}

TEST_F(StoreFileTest, WithAChangedSchemaIsSetAside) {
  WriteOne();
  harness_.RawSql(
      "CREATE TRIGGER t AFTER INSERT ON rows BEGIN DELETE FROM rows WHERE kind = 2; END");
  ExpectFreshStore("added to its schema");
  harness_.Stop();
  std::filesystem::remove(harness_.folder().File(kAside));
  harness_.RawSql("ALTER TABLE rows DROP COLUMN boot");
  ExpectFreshStore("");
}

TEST_F(StoreFileTest, SetAsideTwiceInASecondKeepsBoth) {
  for (int i = 0; i < 2; ++i) {
    harness_.Stop();
    std::ofstream(harness_.path()) << "no database";
    (void)harness_.Reopen();
    EXPECT_EQ(harness_.store().state(), StoreState::kReady);
  }
  EXPECT_EQ(harness_.Files()[kAside], "no database");
  EXPECT_EQ(harness_.Files()[std::string(kAside) + ".2"], "no database");
}

// Any byte may be broken: what comes back is whole, and the store works.
TEST_F(StoreFileTest, DamagedAnywhereNeverYieldsAnythingButWholeRows) {
  (void)harness_.Open();
  for (std::uint64_t i = 1; i <= 30; ++i) {
    harness_.store().WriteSoon(SamplePair("uid", std::to_string(i), i));
  }
  harness_.Stop();
  const std::string good = harness_.Files()["sessions.db"];
  for (std::size_t at = 0; at < good.size(); at += at < 100 ? 1 : 1499) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x55);
    std::ofstream(harness_.path(), std::ios::binary) << bad;
    for (const StoredPair& pair : harness_.Reopen().pairs) {
      EXPECT_EQ(Describe(pair), Describe(SamplePair("uid", pair.organization_id, pair.generation)));
    }
    EXPECT_EQ(harness_.store().state(), StoreState::kReady) << at;
    EXPECT_EQ(harness_.store().WriteNow(SampleAttempt("a")), absl::OkStatus()) << at;
    harness_.Stop();
    for (const auto& [name, bytes] : harness_.Files()) {
      std::filesystem::remove(harness_.folder().File(name));
    }
  }
}

TEST_F(StoreFileTest, TruncatedToAnyLengthNeverYieldsAnythingButWholeRows) {
  (void)harness_.Open();
  for (std::uint64_t i = 1; i <= 30; ++i) {
    harness_.store().WriteSoon(SamplePair("uid", std::to_string(i), i));
  }
  harness_.Stop();
  const std::string good = harness_.Files()["sessions.db"];
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{99}, std::size_t{100},
                                 std::size_t{4095}, std::size_t{4096}, std::size_t{4097},
                                 good.size() / 2, good.size() - 4096, good.size() - 1}) {
    std::ofstream(harness_.path(), std::ios::binary) << good.substr(0, size);
    for (const StoredPair& pair : harness_.Reopen().pairs) {
      EXPECT_EQ(Describe(pair), Describe(SamplePair("uid", pair.organization_id, pair.generation)));
    }
    EXPECT_EQ(harness_.store().state(), StoreState::kReady) << size;
    // SQLite takes up to a byte for a file that is new.
    if (size > 1) {
      EXPECT_EQ(harness_.observer().Count("aside") + harness_.observer().Count("dropped"), 1)
          << size;
    }
    harness_.Stop();
    for (const auto& [name, bytes] : harness_.Files()) {
      std::filesystem::remove(harness_.folder().File(name));
    }
  }
}

// The log of a process that was killed, cut off anywhere: a prefix of the transactions is there.
TEST_F(StoreFileTest, WithATruncatedLogYieldsTheTransactionsBeforeTheCut) {
  (void)harness_.Open();
  for (std::uint64_t i = 1; i <= 20; ++i) {
    EXPECT_EQ(harness_.store().WriteNow(SamplePair("uid", "0081", i)), absl::OkStatus());
  }
  const std::map<std::string, std::string> killed = harness_.Files();
  harness_.Stop();
  const std::string& log = killed.at("sessions.db-wal");
  std::uint64_t before = 0;
  for (std::size_t size = 0; size <= log.size(); size += 1013) {
    std::ofstream(harness_.path(), std::ios::binary) << killed.at("sessions.db");
    std::ofstream(harness_.path() + "-wal", std::ios::binary) << log.substr(0, size);
    const StoreContents read = harness_.Reopen();
    ASSERT_LE(read.pairs.size(), 1u);
    const std::uint64_t last = read.pairs.empty() ? 0 : read.pairs[0].generation;
    EXPECT_GE(last, before) << size;
    before = last;
    EXPECT_EQ(harness_.store().state(), StoreState::kReady);
    EXPECT_EQ(harness_.observer().Count("dropped"), 0);
    harness_.Stop();
  }
  EXPECT_GE(before, 19u);
}

TEST_F(StoreFileTest, ThatCannotBeSetAsideOrMadeIsMemoryOnly) {
  std::ofstream(harness_.folder().File("file")).flush();
  harness_.options().path = harness_.folder().File("file/sessions.db");
  harness_.Start();
  EXPECT_EQ(Describe(harness_.Open()), "");
  EXPECT_EQ(harness_.store().state(), StoreState::kMemoryOnly);
  EXPECT_THAT(harness_.observer().told(),
              ElementsAre(MatchesRegex("state MEMORY_ONLY: cannot open .*/file/sessions.db: "
                                       ".*see that its folder exists.*")));
}

TEST_F(StoreFileTest, ThatAnotherStoreHasOpenIsMemoryOnlyAndLeftAlone) {
  (void)harness_.Open();
  EXPECT_EQ(harness_.store().WriteNow(SamplePair("uid", "0081", 11)), absl::OkStatus());
  RecordingStoreObserver observer;
  SqliteStore second(harness_.options(), harness_.clock(), observer);
  EXPECT_EQ(Describe(second.Open(MasterKey())), "");
  EXPECT_THAT(observer.told(), ElementsAre(HasSubstr("stop the other process")));
  EXPECT_EQ(harness_.store().WriteNow(SamplePair("uid", "0081", 12)), absl::OkStatus());
  EXPECT_EQ(Describe(harness_.Reopen()), Describe(SamplePair("uid", "0081", 12)));
}

// Root obeys no mode, so it becomes nobody for a while.
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

TEST_F(StoreFileTest, ThatIsReadOnlyIsNotUsed) {
  WriteOne();
  ::chmod(harness_.folder().path().c_str(), 0777);
  ::chmod(harness_.path().c_str(), 0444);
  const Unprivileged unprivileged;
  if (!unprivileged.effective()) GTEST_SKIP() << "cannot give up root's rights here";
  ExpectMemoryOnly("Permission denied");
}

TEST_F(StoreFileTest, InAReadOnlyFolderIsNotUsed) {
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

TEST_F(StoreFileTest, OnAReadOnlyOrFullDiskIsNotUsedAndLeftAlone) {
  WriteOne();
  const NoWrites no_writes;
  ExpectMemoryOnly("check its disk");
  EXPECT_EQ(harness_.observer().Count("aside"), 0);
}

}  // namespace
}  // namespace billbroker
