#include "server/app/host_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/server/app/host_check_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;

class HostCheckTest : public HostCheckFixture {};

TEST_F(HostCheckTest, CheckDoesNotCreateFolders) {
  EXPECT_THAT(Check(), IsOk());
  EXPECT_FALSE(std::filesystem::exists(config_.state_dir));
}

TEST_F(HostCheckTest, RejectsMissingParentFolder) {
  config_.state_dir = folder_.File("a/b");
  EXPECT_THAT(Message(), HasSubstr(folder_.File("a/b")));
}

TEST_F(HostCheckTest, RejectsWorldWritableFolders) {
  for (const std::string& path :
       {config_.state_dir, FolderOf(config_.listeners[0].socket), FolderOf(config_.audit.file)}) {
    std::filesystem::create_directory(path);
    ASSERT_EQ(::chmod(path.c_str(), 0777), 0);
    EXPECT_THAT(Message(), HasSubstr(path));
  }
}

TEST_F(HostCheckTest, RejectsWorldWritableStore) {
  ASSERT_THAT(MakeFolder(config_.state_dir), IsOk());
  std::ofstream(StorePath(config_)) << "x";
  ASSERT_EQ(::chmod(StorePath(config_).c_str(), 0600), 0);
  EXPECT_THAT(Check(), IsOk());
  ASSERT_EQ(::chmod(StorePath(config_).c_str(), 0602), 0);
  EXPECT_THAT(Message(), HasSubstr(StorePath(config_)));
}

TEST_F(HostCheckTest, RejectsFileInPlaceOfFolder) {
  std::ofstream(config_.state_dir) << "x";
  EXPECT_THAT(Message(), HasSubstr(config_.state_dir));
}

TEST_F(HostCheckTest, ReportsUnknownGroupAndMissingCaTogether) {
  config_.listeners[0].group = "no-such-group";
  config_.environments["sandbox"] = {"sandbox", "https://a", folder_.File("ca.pem"), ""};
  EXPECT_THAT(Message(), HasSubstr("no-such-group"));
  EXPECT_THAT(Message(), HasSubstr("environments.sandbox.ca_file " + folder_.File("ca.pem")));
}

TEST_F(HostCheckTest, CreatesFolderWithMode0700) {
  ASSERT_THAT(MakeFolder(config_.state_dir), IsOk());
  ASSERT_THAT(MakeFolder(config_.state_dir), IsOk()) << "an existing folder is accepted";
  struct stat info {};
  ASSERT_EQ(::stat(config_.state_dir.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
}

TEST_F(HostCheckTest, RejectsUnusablePolicy) {
  std::ofstream(config_.policy_file) << "x";
  EXPECT_THAT(Message(), HasSubstr("policy.toml:1: "));
  std::filesystem::remove(config_.policy_file);
  EXPECT_THAT(Message(), HasSubstr("policy.toml: "));
}

}  // namespace
}  // namespace billbroker
