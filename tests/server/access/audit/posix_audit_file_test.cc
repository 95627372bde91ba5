#include "server/access/audit/posix_audit_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/temp_folder.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;

class PosixAuditFileTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string OpenError() {
    return std::string(PosixAuditFile(path_).Open().message());
  }

  TempFolder folder_;
  const std::string path_ = folder_.File("audit.log");
  PosixAuditFile file_{path_};
};

TEST_F(PosixAuditFileTest, ANewFileIsItsOwnersAlone) {
  ASSERT_TRUE(file_.Open().ok());
  struct stat made {};
  ASSERT_EQ(::stat(path_.c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 07777, 0600u);
}

TEST_F(PosixAuditFileTest, WhatIsAppendedIsAtTheEndAndCanBeCut) {
  ASSERT_TRUE(file_.Open().ok());
  ASSERT_TRUE(file_.Append("first\n").ok());
  PosixAuditFile again(path_);
  ASSERT_TRUE(again.Open().ok());
  ASSERT_TRUE(again.Append("second\n").ok());
  ASSERT_TRUE(again.Sync().ok());
  EXPECT_EQ(*file_.Size(), 13u);
  EXPECT_EQ(*file_.Tail(7), "second\n");
  EXPECT_EQ(*file_.Tail(100), "first\nsecond\n");
  ASSERT_TRUE(file_.CutTo(6).ok());
  EXPECT_EQ(*file_.Tail(100), "first\n");
}

TEST_F(PosixAuditFileTest, ItsPlaceIsSeen) {
  ASSERT_TRUE(file_.Open().ok());
  EXPECT_EQ(*file_.Place(), AuditFilePlace::kInPlace);
  std::filesystem::rename(path_, path_ + ".1");
  EXPECT_EQ(*file_.Place(), AuditFilePlace::kMoved);
  std::ofstream(path_).put('x');
  EXPECT_EQ(*file_.Place(), AuditFilePlace::kMoved);
  std::filesystem::remove(path_ + ".1");
  EXPECT_EQ(*file_.Place(), AuditFilePlace::kDeleted);
}

TEST_F(PosixAuditFileTest, OpenGoesOnAtThePath) {
  ASSERT_TRUE(file_.Open().ok());
  ASSERT_TRUE(file_.Append("first\n").ok());
  std::filesystem::rename(path_, path_ + ".1");
  ASSERT_TRUE(file_.Open().ok());
  EXPECT_EQ(*file_.Size(), 0u);
  EXPECT_EQ(*file_.Place(), AuditFilePlace::kInPlace);
}

TEST_F(PosixAuditFileTest, WhatOthersCouldWriteOrRedirectIsRefused) {
  const std::string target = folder_.File("target");
  std::ofstream(target).put('x');
  std::filesystem::create_symlink(target, path_);
  EXPECT_THAT(OpenError(), HasSubstr("symbolic link"));
  std::filesystem::remove(path_);

  std::ofstream(path_).put('x');
  for (const mode_t mode : {0606, 0660}) {
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
    EXPECT_THAT(OpenError(), HasSubstr("others may write it"));
  }
  std::filesystem::remove(path_);

  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_THAT(OpenError(), HasSubstr("no regular file"));
  std::filesystem::remove(path_);

  std::filesystem::create_directory(path_);
  EXPECT_FALSE(OpenError().empty());
}

TEST_F(PosixAuditFileTest, AMissingFolderIsSaid) {
  EXPECT_THAT(std::string(PosixAuditFile(folder_.File("none/audit.log")).Open().message()),
              HasSubstr("its folder is missing"));
}

TEST_F(PosixAuditFileTest, AWriteCutShortIsAnErrorThatSaysWhy) {
  ASSERT_TRUE(file_.Open().ok());
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const struct rlimit small { 4, before.rlim_max };
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status refused = file_.Append("0123456789");
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("may not grow any more"));
  EXPECT_EQ(*file_.Size(), 4u);  // a short write
}

}  // namespace
}  // namespace billbroker
