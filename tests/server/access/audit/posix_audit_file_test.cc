#include "server/access/audit/posix_audit_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace billbroker {
namespace {

class PosixAuditFileTest : public ::testing::Test {
 protected:
  [[nodiscard]] absl::Status Open() { return PosixAuditFile(path_).Open(); }

  TempFolder folder_;
  const std::string path_ = folder_.File("audit.log");
  PosixAuditFile file_{path_};
};

TEST_F(PosixAuditFileTest, NewFileHasMode0600) {
  ASSERT_THAT(file_.Open(), IsOk());
  struct stat made {};
  ASSERT_EQ(::stat(path_.c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 07777, 0600u);
}

TEST_F(PosixAuditFileTest, AppendsAtTheEndAndTruncates) {
  ASSERT_THAT(file_.Open(), IsOk());
  ASSERT_THAT(file_.Append("first\n"), IsOk());
  PosixAuditFile again(path_);
  ASSERT_THAT(again.Open(), IsOk());
  ASSERT_THAT(again.Append("second\n"), IsOk());
  ASSERT_THAT(again.Sync(), IsOk());
  EXPECT_EQ(*file_.Size(), 13u);
  EXPECT_EQ(*file_.Tail(7), "second\n");
  EXPECT_EQ(*file_.Tail(100), "first\nsecond\n");
  ASSERT_THAT(file_.CutTo(6), IsOk());
  EXPECT_EQ(*file_.Tail(100), "first\n");
}

TEST_F(PosixAuditFileTest, ReportsMovedAndDeletedFile) {
  ASSERT_THAT(file_.Open(), IsOk());
  EXPECT_EQ(*file_.Place(), AuditFilePlace::kInPlace);
  std::filesystem::rename(path_, path_ + ".1");
  EXPECT_EQ(*file_.Place(), AuditFilePlace::kMoved);
  std::ofstream(path_).put('x');
  EXPECT_EQ(*file_.Place(), AuditFilePlace::kMoved);
  std::filesystem::remove(path_ + ".1");
  EXPECT_EQ(*file_.Place(), AuditFilePlace::kDeleted);
}

TEST_F(PosixAuditFileTest, OpenCreatesNewFileAfterRename) {
  ASSERT_THAT(file_.Open(), IsOk());
  ASSERT_THAT(file_.Append("first\n"), IsOk());
  std::filesystem::rename(path_, path_ + ".1");
  ASSERT_THAT(file_.Open(), IsOk());
  EXPECT_EQ(*file_.Size(), 0u);
  EXPECT_EQ(*file_.Place(), AuditFilePlace::kInPlace);
}

TEST_F(PosixAuditFileTest, RejectsUnsafeFileTypesAndModes) {
  const std::string target = folder_.File("target");
  std::ofstream(target).put('x');
  std::filesystem::create_symlink(target, path_);
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kUnavailable));
  std::filesystem::remove(path_);

  std::ofstream(path_).put('x');
  for (const mode_t mode : {0606, 0660}) {
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
    EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kUnavailable));
  }
  std::filesystem::remove(path_);

  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kUnavailable));
  std::filesystem::remove(path_);

  std::filesystem::create_directory(path_);
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(PosixAuditFileTest, RejectsMissingFolder) {
  EXPECT_THAT(PosixAuditFile(folder_.File("none/audit.log")).Open(),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(PosixAuditFileTest, ListsItsFilesThatWereSetAside) {
  EXPECT_THAT(file_.ListSetAside(), testing::IsEmpty());
  for (const char* suffix : {".aside-2", ".aside-1", ".1", "x.aside-1"}) {
    std::ofstream(path_ + suffix) << "earlier";
  }
  const std::string name = std::filesystem::path(path_).filename();
  EXPECT_THAT(file_.ListSetAside(), testing::ElementsAre(name + ".aside-1", name + ".aside-2"));
  EXPECT_THAT(PosixAuditFile(folder_.File("none/audit.log")).ListSetAside(), testing::IsEmpty());
}

TEST_F(PosixAuditFileTest, ShortWriteFails) {
  ASSERT_THAT(file_.Open(), IsOk());
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const struct rlimit small { 4, before.rlim_max };
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status written = file_.Append("0123456789");
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(written, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(*file_.Size(), 4u);  // the bytes before the limit
}

}  // namespace
}  // namespace billbroker
