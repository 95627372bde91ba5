#include "server/session/sqlite/database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace billbroker {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class DatabaseTest : public testing::Test {
 protected:
  std::string Path() const { return folder_.File("file.db"); }
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path) {
    return Database::Open(path, absl::Milliseconds(1));
  }

  TempFolder folder_;
};

TEST_F(DatabaseTest, CreatesPrivateFileWithAnyUmask) {
  const mode_t before = ::umask(0);
  const auto database = Open(Path());
  ASSERT_THAT(database, IsOk());
  EXPECT_THAT((*database)->Execute("PRAGMA journal_mode = WAL; CREATE TABLE t (x)"), IsOk());
  ::umask(before);
  for (const std::string& path : {Path(), Path() + "-wal"}) {
    struct stat file {};
    ASSERT_EQ(::stat(path.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777, 0600u) << path;
  }
}

TEST_F(DatabaseTest, RemovesRightsOfOthers) {
  std::ofstream(Path()).flush();
  ::chmod(Path().c_str(), 0666);
  ASSERT_THAT(Open(Path()), IsOk());
  struct stat file {};
  ASSERT_EQ(::stat(Path().c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
}

TEST_F(DatabaseTest, RejectsNonRegularFile) {
  std::ofstream(folder_.File("elsewhere.db")).flush();
  std::filesystem::create_symlink("elsewhere.db", folder_.File("link.db"));
  ASSERT_EQ(::mkfifo(folder_.File("pipe.db").c_str(), 0600), 0);
  for (const std::string& path :
       {folder_.File("link.db"), folder_.File("pipe.db"), folder_.path(),
        folder_.File("elsewhere.db/below.db"), folder_.File("missing/below.db")}) {
    const absl::Status status = Open(path).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable)) << path;
  }
}

TEST_F(DatabaseTest, FullDiskErrorTextNamesFileAndFix) {
  const auto database = Open(Path());
  ASSERT_THAT(database, IsOk());
  ASSERT_THAT((*database)->Execute("PRAGMA max_page_count = 3; CREATE TABLE t (x)"), IsOk());
  const absl::Status status = (*database)->Execute("INSERT INTO t VALUES (randomblob(100000))");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(Path()), HasSubstr("free space on its disk")));
}

TEST_F(DatabaseTest, LockedDatabaseErrorTextNamesFix) {
  const auto first = Open(Path());
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT((*first)->Execute("PRAGMA locking_mode = EXCLUSIVE; CREATE TABLE t (x)"), IsOk());
  // SQLite distinguishes two connections of one process, too.
  const auto second = Open(Path());
  ASSERT_THAT(second, IsOk());
  const absl::Status status = (*second)->Execute("INSERT INTO t VALUES (1)");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(std::string(status.message()), HasSubstr("stop the other process"));
}

TEST_F(DatabaseTest, RollsBackUncommittedTransaction) {
  const auto database = Open(Path());
  ASSERT_THAT(database, IsOk());
  ASSERT_THAT((*database)->Execute("CREATE TABLE t (x)"), IsOk());
  {
    const absl::StatusOr<Transaction> dropped = Transaction::Begin(**database);
    ASSERT_THAT(dropped, IsOk());
    ASSERT_THAT((*database)->Execute("INSERT INTO t VALUES (1)"), IsOk());
  }
  absl::StatusOr<Transaction> kept = Transaction::Begin(**database);
  ASSERT_THAT(kept, IsOk());
  ASSERT_THAT((*database)->Execute("INSERT INTO t VALUES (2)"), IsOk());
  EXPECT_THAT(kept->Commit(), IsOk());
  const auto sum = (*database)->Int("SELECT sum(x) FROM t");
  ASSERT_THAT(sum, IsOk());
  EXPECT_EQ(*sum, 2);
}

TEST_F(DatabaseTest, DamagedDatabaseIsDataLoss) {
  std::ofstream(Path()) << std::string(5000, 'x');
  const auto database = Open(Path());
  ASSERT_THAT(database, IsOk());
  EXPECT_THAT((*database)->Int("SELECT count(*) FROM sqlite_schema"),
              StatusIs(absl::StatusCode::kDataLoss));
  const auto fresh = Open(folder_.File("fresh.db"));
  ASSERT_THAT(fresh, IsOk());
  EXPECT_THAT((*fresh)->Prepare("SELECT * FROM missing"), StatusIs(absl::StatusCode::kDataLoss));
}

}  // namespace
}  // namespace billbroker
