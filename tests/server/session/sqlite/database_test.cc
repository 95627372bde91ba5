#include "server/session/sqlite/database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

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

TEST_F(DatabaseTest, MakesAFileThatOthersCannotReadWhateverTheUmaskIs) {
  const mode_t before = ::umask(0);
  const auto database = Open(Path());
  ASSERT_TRUE(database.ok()) << database.status();
  EXPECT_EQ((*database)->Execute("PRAGMA journal_mode = WAL; CREATE TABLE t (x)"),
            absl::OkStatus());
  ::umask(before);
  for (const std::string& path : {Path(), Path() + "-wal"}) {
    struct stat file {};
    ASSERT_EQ(::stat(path.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777, 0600u) << path;
  }
}

TEST_F(DatabaseTest, TakesAwayTheRightsOfOthers) {
  std::ofstream(Path()).flush();
  ::chmod(Path().c_str(), 0666);
  ASSERT_TRUE(Open(Path()).ok());
  struct stat file {};
  ASSERT_EQ(::stat(Path().c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
}

TEST_F(DatabaseTest, WhatIsNoRegularFileIsNotOpened) {
  std::ofstream(folder_.File("elsewhere.db")).flush();
  std::filesystem::create_symlink("elsewhere.db", folder_.File("link.db"));
  ASSERT_EQ(::mkfifo(folder_.File("pipe.db").c_str(), 0600), 0);
  for (const std::string& path :
       {folder_.File("link.db"), folder_.File("pipe.db"), folder_.path(),
        folder_.File("elsewhere.db/below.db"), folder_.File("missing/below.db")}) {
    const absl::Status status = Open(path).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << path;
    EXPECT_THAT(std::string(status.message()), HasSubstr("cannot open " + path));
  }
}

TEST_F(DatabaseTest, AFullDiskIsUnavailableAndNamesFileAndFix) {
  const auto database = Open(Path());
  ASSERT_TRUE(database.ok());
  ASSERT_EQ((*database)->Execute("PRAGMA max_page_count = 3; CREATE TABLE t (x)"),
            absl::OkStatus());
  const absl::Status status = (*database)->Execute("INSERT INTO t VALUES (randomblob(100000))");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(Path()), HasSubstr("free space on its disk")));
}

TEST_F(DatabaseTest, ADatabaseOfAnotherProcessIsUnavailable) {
  const auto first = Open(Path());
  ASSERT_TRUE(first.ok());
  ASSERT_EQ((*first)->Execute("PRAGMA locking_mode = EXCLUSIVE; CREATE TABLE t (x)"),
            absl::OkStatus());
  // Within one process SQLite itself tells the two apart.
  const auto second = Open(Path());
  ASSERT_TRUE(second.ok());
  const absl::Status status = (*second)->Execute("INSERT INTO t VALUES (1)");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("stop the other process"));
}

TEST_F(DatabaseTest, WhatIsNotCommittedIsRolledBack) {
  const auto database = Open(Path());
  ASSERT_TRUE(database.ok());
  ASSERT_EQ((*database)->Execute("CREATE TABLE t (x)"), absl::OkStatus());
  {
    const absl::StatusOr<Transaction> dropped = Transaction::Begin(**database);
    ASSERT_TRUE(dropped.ok());
    ASSERT_EQ((*database)->Execute("INSERT INTO t VALUES (1)"), absl::OkStatus());
  }
  absl::StatusOr<Transaction> kept = Transaction::Begin(**database);
  ASSERT_TRUE(kept.ok());
  ASSERT_EQ((*database)->Execute("INSERT INTO t VALUES (2)"), absl::OkStatus());
  EXPECT_EQ(kept->Commit(), absl::OkStatus());
  const auto sum = (*database)->Int("SELECT sum(x) FROM t");
  ASSERT_TRUE(sum.ok());
  EXPECT_EQ(*sum, 2);
}

TEST_F(DatabaseTest, WhatIsNotAsExpectedIsDataLoss) {
  std::ofstream(Path()) << std::string(5000, 'x');
  const auto database = Open(Path());
  ASSERT_TRUE(database.ok());
  EXPECT_EQ((*database)->Int("SELECT count(*) FROM sqlite_schema").status().code(),
            absl::StatusCode::kDataLoss);
  const auto fresh = Open(folder_.File("fresh.db"));
  ASSERT_TRUE(fresh.ok());
  EXPECT_EQ((*fresh)->Prepare("SELECT * FROM missing").status().code(),
            absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace billbroker
