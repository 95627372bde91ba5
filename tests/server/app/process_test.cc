#include "server/app/process.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace billbroker {
namespace {

// Expects that `holds()` is true in a child process after HardenProcess().
template <typename Holds>
void ExpectHardened(Holds holds) {
  EXPECT_EXIT(
      {
        HardenProcess();
        ::_exit(holds() ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(HardenProcessTest, DisablesMemoryReadsAndCoreDumps) {
  ExpectHardened([] { return ::prctl(PR_GET_DUMPABLE) == 0; });
  ExpectHardened([] {
    rlimit core{};
    return ::getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 && core.rlim_max == 0;
  });
}

TEST(HardenProcessTest, ClearsSslKeyLogFile) {
  ::setenv("SSLKEYLOGFILE", "/tmp/keys", 1);
  ExpectHardened([] { return std::getenv("SSLKEYLOGFILE") == nullptr; });
  ::unsetenv("SSLKEYLOGFILE");
}

TEST(HardenProcessTest, SetsUmask077) {
  ExpectHardened([] { return ::umask(0) == 077; });
}

}  // namespace
}  // namespace billbroker
