#include "server/app/host_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/manual_time.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;

class HostCheckTest : public ::testing::Test {
 protected:
  HostCheckTest() {
    config_.state_dir = folder_.File("state");
    config_.listeners.emplace_back();
    config_.listeners[0].socket = folder_.File("run") + "/b.sock";
    config_.audit.file = folder_.File("logs") + "/audit.jsonl";
    config_.policy_file = folder_.File("policy.toml");
    std::ofstream(config_.policy_file)
        << "[[grant]]\nprincipals = [\"cn:a\"]\nrole = \"reader\"\norganizations = [\"*\"]\n";
  }

  std::string Error() const { return std::string(CheckHost(config_, clock_.Now()).message()); }

  TempFolder folder_;
  const ManualClock clock_;
  Config config_;
};

TEST_F(HostCheckTest, FoldersThatAreMissingCanBeMadeAndAreNotMadeByTheCheck) {
  EXPECT_EQ(Error(), "");
  EXPECT_FALSE(std::filesystem::exists(config_.state_dir));
}

TEST_F(HostCheckTest, AMissingParentIsNamed) {
  config_.state_dir = folder_.File("a/b");
  EXPECT_THAT(Error(), HasSubstr(folder_.File("a/b") + " cannot be made: "));
}

TEST_F(HostCheckTest, WorldWritableFoldersAreRefused) {
  for (const std::string& path :
       {config_.state_dir, FolderOf(config_.listeners[0].socket), FolderOf(config_.audit.file)}) {
    std::filesystem::create_directory(path);
    ASSERT_EQ(::chmod(path.c_str(), 0777), 0);
    EXPECT_THAT(Error(), HasSubstr("every user of this machine may write to " + path));
  }
}

TEST_F(HostCheckTest, AWorldWritableStoreIsRefused) {
  ASSERT_THAT(MakeFolder(config_.state_dir), IsOk());
  std::ofstream(StorePath(config_)) << "x";
  ASSERT_EQ(::chmod(StorePath(config_).c_str(), 0600), 0);
  EXPECT_EQ(Error(), "");
  ASSERT_EQ(::chmod(StorePath(config_).c_str(), 0602), 0);
  EXPECT_THAT(Error(), HasSubstr("may write to " + StorePath(config_) + "; chmod o-w it"));
}

TEST_F(HostCheckTest, AFileInPlaceOfAFolderIsNamed) {
  std::ofstream(config_.state_dir) << "x";
  EXPECT_THAT(Error(), HasSubstr(config_.state_dir + " is not a folder"));
}

TEST_F(HostCheckTest, AnUnknownGroupAndAMissingCaFileAreNamedTogether) {
  config_.listeners[0].group = "no-such-group";
  config_.environments["sandbox"] = {"sandbox", "https://a", folder_.File("ca.pem"), ""};
  EXPECT_EQ(Error(),
            "there is no group \"no-such-group\"; make it with 'groupadd --system no-such-group'\n"
            "environments.sandbox.ca_file " +
                folder_.File("ca.pem") + " cannot be read: No such file or directory");
}

TEST_F(HostCheckTest, AFolderThatTheDaemonMakesIsForItsUserAlone) {
  ASSERT_THAT(MakeFolder(config_.state_dir), IsOk());
  ASSERT_THAT(MakeFolder(config_.state_dir), IsOk()) << "twice is harmless";
  struct stat info {};
  ASSERT_EQ(::stat(config_.state_dir.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
}

TEST_F(HostCheckTest, APolicyThatCannotBeUsedIsSaid) {
  std::ofstream(config_.policy_file) << "x";
  EXPECT_THAT(Error(), HasSubstr("policy.toml:1: not valid TOML"));
  std::filesystem::remove(config_.policy_file);
  EXPECT_THAT(Error(), HasSubstr("policy.toml: cannot be read"));
}

}  // namespace
}  // namespace billbroker
