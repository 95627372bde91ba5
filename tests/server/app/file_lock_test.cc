#include "server/app/file_lock.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "tests/support/temp_folder.h"

namespace billbroker {
namespace {

TEST(FileLockTest, ASecondHolderIsRefusedUntilTheFirstLetsGo) {
  const TempFolder folder;
  const std::string path = folder.File("lock");
  {
    const absl::StatusOr<FileLock> first = FileLock::Take(path, "state folder");
    ASSERT_TRUE(first.ok()) << first.status();
    EXPECT_EQ(FileLock::Take(path, "state folder").status().message(),
              absl::StrCat("another billbrokerd uses the state folder (", path,
                           " is locked); stop it, or configure another state folder"));
  }
  EXPECT_TRUE(FileLock::Take(path, "state folder").ok());
}

TEST(FileLockTest, ALinkIsNotFollowed) {
  const TempFolder folder;
  std::filesystem::create_symlink(folder.File("elsewhere"), folder.File("lock"));
  EXPECT_FALSE(FileLock::Take(folder.File("lock"), "socket").ok());
  EXPECT_FALSE(std::filesystem::exists(folder.File("elsewhere")));
}

}  // namespace
}  // namespace billbroker
