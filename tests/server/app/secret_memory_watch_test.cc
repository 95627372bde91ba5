#include "server/app/secret_memory_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <memory>
#include <sstream>

#include "tests/support/manual_time.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::size_t kRegion = 256 * 1024;

class SecretMemoryWatchTest : public ::testing::Test {
 protected:
  // Returns the lines that a look at `unlocked_bytes` adds to the log.
  std::string Look(std::size_t unlocked_bytes) {
    out_.str("");
    watch_.Look(unlocked_bytes);
    return out_.str();
  }

  std::ostringstream out_;
  ManualClock clock_;
  JsonLog log_{LogLevel::kInfo, clock_, std::make_shared<spdlog::sinks::ostream_sink_mt>(out_)};
  SecretMemoryWatch watch_{log_};
};

TEST_F(SecretMemoryWatchTest, LockedMemoryIsNotLogged) { EXPECT_THAT(Look(0), IsEmpty()); }

TEST_F(SecretMemoryWatchTest, LogsEachGrowth) {
  EXPECT_THAT(Look(kRegion),
              HasSubstr(R"("level":"warning","event":"secret_memory_unlocked",)"
                        R"("unlocked_bytes":262144,"fix":"secrets may reach the swap; )"));
  EXPECT_THAT(Look(kRegion), IsEmpty());
  EXPECT_THAT(Look(2 * kRegion), HasSubstr(R"("unlocked_bytes":524288)"));
}

TEST_F(SecretMemoryWatchTest, ReturnedMemoryIsLoggedOnce) {
  Look(2 * kRegion);
  EXPECT_THAT(Look(kRegion), IsEmpty());
  EXPECT_THAT(Look(2 * kRegion), IsEmpty());
  EXPECT_THAT(Look(3 * kRegion), HasSubstr(R"("unlocked_bytes":786432)"));
}

}  // namespace
}  // namespace billbroker
