#include "server/app/process.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace billbroker {
namespace {

// Whether it holds in a process that HardenProcess() was called in; this one stays as it is.
template <typename Holds>
void ExpectHardened(Holds holds) {
  EXPECT_EXIT(
      {
        HardenProcess();
        ::_exit(holds() ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(HardenProcessTest, NobodyOfTheSameUserCanReadItsMemoryAndItLeavesNoCore) {
  ExpectHardened([] { return ::prctl(PR_GET_DUMPABLE) == 0; });
  ExpectHardened([] {
    rlimit core{};
    return ::getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 && core.rlim_max == 0;
  });
}

TEST(HardenProcessTest, NoLibraryWritesSecretsDown) {
  ::setenv("SSLKEYLOGFILE", "/tmp/keys", 1);
  ExpectHardened([] { return std::getenv("SSLKEYLOGFILE") == nullptr; });
  ::unsetenv("SSLKEYLOGFILE");
}

TEST(HardenProcessTest, FilesAreForThisUserAlone) {
  ExpectHardened([] { return ::umask(0) == 077; });
}

}  // namespace
}  // namespace billbroker
