#include "server/app/file_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace billbroker {
namespace {

using ::testing::Not;

TEST(FileLockTest, ASecondHolderIsRefusedUntilTheFirstLetsGo) {
  const TempFolder folder;
  const std::string path = folder.File("lock");
  {
    const absl::StatusOr<FileLock> first = FileLock::Take(path, "state folder");
    ASSERT_THAT(first, IsOk());
    EXPECT_EQ(FileLock::Take(path, "state folder").status().message(),
              absl::StrCat("another billbrokerd uses the state folder (", path,
                           " is locked); stop it, or configure another state folder"));
  }
  EXPECT_THAT(FileLock::Take(path, "state folder"), IsOk());
}

TEST(FileLockTest, ALinkIsNotFollowed) {
  const TempFolder folder;
  std::filesystem::create_symlink(folder.File("elsewhere"), folder.File("lock"));
  EXPECT_THAT(FileLock::Take(folder.File("lock"), "socket"), Not(IsOk()));
  EXPECT_FALSE(std::filesystem::exists(folder.File("elsewhere")));
}

}  // namespace
}  // namespace billbroker
