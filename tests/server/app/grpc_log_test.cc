#include "server/app/grpc_log.h"

#include <gmock/gmock.h>
#include <grpc/support/log.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>

#include "tests/support/manual_time.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(GrpcLogTest, LogsErrorsAtALimitedRate) {
  ManualClock clock;
  std::ostringstream lines;
  JsonLog log(LogLevel::kInfo, clock, std::make_shared<spdlog::sinks::ostream_sink_mt>(lines));
  {
    const GrpcLog grpc_log(log, clock);
    gpr_log(GPR_INFO, "nothing to see");
    for (int i = 0; i < 100; ++i) gpr_log(GPR_ERROR, "handshake \"%d\" failed", i);
  }
  gpr_log(GPR_ERROR, "goes elsewhere again");
  const std::string logged = lines.str();
  EXPECT_EQ(std::count(logged.begin(), logged.end(), '\n'), 10);
  EXPECT_THAT(logged, HasSubstr("\"event\":\"grpc_error\""));
  EXPECT_THAT(logged, HasSubstr("handshake \\\"9\\\" failed"));
  EXPECT_THAT(logged, Not(HasSubstr("elsewhere")));
}

}  // namespace
}  // namespace billbroker
