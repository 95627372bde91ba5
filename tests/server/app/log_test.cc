#include "server/app/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <memory>
#include <sstream>
#include <string>

#include "server/app/log_observer.h"
#include "tests/support/manual_time.h"
#include "tests/support/status_matchers.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

class LogTest : public ::testing::Test {
 protected:
  std::ostringstream out_;
  ManualClock clock_;
  JsonLog log_{LogLevel::kInfo, clock_, std::make_shared<spdlog::sinks::ostream_sink_mt>(out_)};
};

TEST_F(LogTest, LineIsOneJsonObject) {
  log_.Write(LogLevel::kInfo, "ready",
             {{"version", "0.1.0"},
              {"pid", std::int64_t{-7}},
              {"generation", std::uint64_t{18446744073709551615ULL}},
              {"forced", true},
              {"listeners", std::vector<std::string>{"unix:/a", "unix:/b"}}});
  EXPECT_EQ(out_.str(),
            R"({"time":"2027-01-15T08:00:00.000Z","level":"info","event":"ready",)"
            R"("version":"0.1.0","pid":-7,"generation":18446744073709551615,"forced":true,)"
            R"("listeners":["unix:/a","unix:/b"]})"
            "\n");
}

TEST_F(LogTest, EscapesHostileText) {
  log_.Write(LogLevel::kError, "failed", {{"message", std::string("a\"b\\c\nd\x01\xff{}%v", 13)}});
  EXPECT_EQ(out_.str(), R"({"time":"2027-01-15T08:00:00.000Z","level":"error","event":"failed",)"
                        R"("message":"a\"b\\c\nd\u0001)"
                        "\xEF\xBF\xBD"
                        R"({}%v"})"
                        "\n");
}

TEST_F(LogTest, OmitsLinesBelowTheLevel) {
  log_.Write(LogLevel::kDebug, "noise");
  EXPECT_EQ(out_.str(), "");
}

TEST_F(LogTest, LevelNamesRoundTrip) {
  for (const absl::string_view name : {"trace", "debug", "info", "warning", "error"}) {
    ASSERT_TRUE(LogLevelNamed(name).has_value()) << name;
    EXPECT_EQ(LogLevelName(*LogLevelNamed(name)), name);
  }
  EXPECT_FALSE(LogLevelNamed("warn").has_value());
}

TEST_F(LogTest, LogsSignInsAndSessionEnds) {
  LogObserver observer(log_);
  SignInFacts sign_in;
  sign_in.credential = "acme-corporation-payables";
  sign_in.organization_id = "00800000000000000081";
  EXPECT_THAT(observer.SignInStarts(sign_in), IsOk());
  observer.SignInEnded(sign_in, absl::OkStatus(), 5);
  sign_in.organization_id = "00800000000000000082";
  observer.SignInEnded(sign_in, MakeError(Reason::kCredentialRejected, "BILL refused it"), 0);
  observer.SessionEnded("acme-corporation-payables", "00800000000000000081", 5, "logged out");
  const std::string time = R"({"time":"2027-01-15T08:00:00.000Z",)";
  EXPECT_EQ(
      out_.str(),
      time +
          R"("level":"info","event":"signed_in","credential":"acme-corporation-payables",)"
          R"("organization_id":"00800000000000000081","generation":5})"
          "\n" +
          time +
          R"("level":"warning","event":"sign_in_failed","credential":"acme-corporation-payables",)"
          R"("organization_id":"00800000000000000082","reason":"CREDENTIAL_REJECTED",)"
          R"("message":"BILL refused it"})"
          "\n" +
          time +
          R"("level":"info","event":"session_ended","credential":"acme-corporation-payables",)"
          R"("organization_id":"00800000000000000081","generation":5,"why":"logged out"})"
          "\n");
}

}  // namespace
}  // namespace billbroker
