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

TEST(FileLockTest, RejectsSecondHolderUntilReleased) {
  const TempFolder folder;
  const std::string path = folder.File("lock");
  {
    const absl::StatusOr<FileLock> first = FileLock::Take(path, "state folder");
    ASSERT_THAT(first, IsOk());
    EXPECT_THAT(FileLock::Take(path, "state folder"),
                StatusIs(absl::StatusCode::kFailedPrecondition));
  }
  EXPECT_THAT(FileLock::Take(path, "state folder"), IsOk());
}

TEST(FileLockTest, DoesNotFollowLinks) {
  const TempFolder folder;
  std::filesystem::create_symlink(folder.File("elsewhere"), folder.File("lock"));
  EXPECT_THAT(FileLock::Take(folder.File("lock"), "socket"), Not(IsOk()));
  EXPECT_FALSE(std::filesystem::exists(folder.File("elsewhere")));
}

}  // namespace
}  // namespace billbroker
