#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/exit_code.h"
#include "tests/client/cli/cli_fixture.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

class SessionCommandTest : public CliTest {};

TEST_F(SessionCommandTest, GetPrintsSessionWithoutSecrets) {
  EXPECT_EQ(Run({"session", "get", "00800000000000000801", "--include-dev-key"}), kExitOk) << err_;
  EXPECT_EQ(out_,
            "organization  00800000000000000801\n"
            "credential    acme-payables-user\n"
            "user          00600000000000000601\n"
            "base URL      https://bill.test/connect\n"
            "trusted       no\n"
            "generation    1\n"
            "signed in     2027-01-15T07:59:00Z\n"
            "expires       2027-01-15T08:34:00Z (in 34 min)\n"
            "devKey id     0123456789abcdef\n"
            "session id    hidden; --show prints it\n"
            "devKey        hidden; --show prints it\n");
}

TEST_F(SessionCommandTest, GetJsonHoldsNoSecrets) {
  EXPECT_EQ(
      Run({"session", "get", "00800000000000000801", "--include-dev-key", "--output", "json"}),
      kExitOk);
  EXPECT_EQ(OutJson(), Json({{"organization_id", "00800000000000000801"},
                             {"credential", "acme-payables-user"},
                             {"user_id", "00600000000000000601"},
                             {"base_url", "https://bill.test/connect"},
                             {"trusted", false},
                             {"generation", 1},
                             {"dev_key_id", "0123456789abcdef"},
                             {"sign_in_time", "2027-01-15T07:59:00Z"},
                             {"verify_time", "2027-01-15T08:00:00Z"},
                             {"expire_time", "2027-01-15T08:34:00Z"},
                             {"remaining_seconds", 2040}}));
}

TEST_F(SessionCommandTest, ShowPrintsTheSecretsOnDemand) {
  EXPECT_EQ(Run({"session", "get", "00800000000000000801", "--show"}), kExitOk);
  EXPECT_THAT(out_, HasSubstr(kSessionIdSecret));
  EXPECT_THAT(out_, Not(HasSubstr("devKey  ")));
  EXPECT_EQ(Run({"session", "get", "00800000000000000801", "--show", "--include-dev-key",
                 "--output", "json"}),
            kExitOk);
  EXPECT_EQ(OutJson()["session_id"], kSessionIdSecret);
  EXPECT_EQ(OutJson()["dev_key"], kDevKeySecret);
}

TEST_F(SessionCommandTest, GetPrintsHeadersOnlyWithShow) {
  EXPECT_EQ(Run({"session", "get", "00800000000000000801", "--include-headers"}), kExitOk) << err_;
  EXPECT_THAT(out_, HasSubstr("header sessionId  hidden; --show prints it\n"));
  EXPECT_THAT(out_, Not(HasSubstr(kDevKeySecret)));
  EXPECT_EQ(
      Run({"session", "get", "00800000000000000801", "--include-headers", "--output", "json"}),
      kExitOk);
  EXPECT_FALSE(OutJson().contains("headers"));
  EXPECT_EQ(Run({"session", "get", "00800000000000000801", "--include-headers", "--show",
                 "--output", "json"}),
            kExitOk);
  EXPECT_EQ(OutJson()["headers"], Json({{{"name", "sessionId"}, {"value", kSessionIdSecret}},
                                        {{"name", "devKey"}, {"value", kDevKeySecret}}}));
}

TEST_F(SessionCommandTest, GetSendsItsOptions) {
  EXPECT_EQ(Run({"session", "get", "00800000000000000801", "--credential", "acme-payables-user",
                 "--require-trusted", "--min-remaining", "5m", "--stale-generation", "7",
                 "--cached-only"}),
            kExitOk);
  const v1::GetSessionRequest sent = broker_.get_session_requests().front();
  EXPECT_EQ(sent.credential(), "acme-payables-user");
  EXPECT_TRUE(sent.require_trusted());
  EXPECT_EQ(sent.min_remaining().seconds(), 300);
  EXPECT_EQ(sent.stale_generation(), 7u);
  EXPECT_TRUE(sent.cached_only());
  EXPECT_FALSE(sent.include_dev_key());
}

TEST_F(SessionCommandTest, RejectsInvalidStaleGeneration) {
  for (const std::string text : {"-1", "18446744073709551616", "abc", "7x", "0x10"}) {
    EXPECT_EQ(Run({"session", "get", "00800000000000000801", "--stale-generation=" + text}),
              kExitUsage)
        << text;
    EXPECT_THAT(err_, HasSubstr("--stale-generation: \"" + text + "\" is not a generation"));
  }
  EXPECT_EQ(Run({"session", "get", "00800000000000000801", "--stale-generation", "-1"}),
            kExitUsage);
  EXPECT_THAT(broker_.get_session_requests(), SizeIs(0));
  EXPECT_EQ(
      Run({"session", "get", "00800000000000000801", "--stale-generation", "18446744073709551615"}),
      kExitOk);
  EXPECT_EQ(broker_.get_session_requests().front().stale_generation(), 18446744073709551615U);
}

TEST_F(SessionCommandTest, LoginReportsWhetherItSignedIn) {
  EXPECT_EQ(Run({"session", "login", "00800000000000000801"}), kExitOk);
  EXPECT_THAT(out_, StartsWith("a live session was there; no sign-in was spent\n"));
  EXPECT_EQ(Run({"session", "login", "00800000000000000801", "--force", "--output", "json"}),
            kExitOk);
  EXPECT_EQ(OutJson()["reused"], false);
  EXPECT_TRUE(broker_.login_requests()[1].force());
}

TEST_F(SessionCommandTest, LogoutReportsWhetherASessionEnded) {
  EXPECT_EQ(
      Run({"session", "logout", "00800000000000000801", "--credential", "acme-payables-user"}),
      kExitOk);
  EXPECT_EQ(out_, "logged out\n");
  EXPECT_EQ(broker_.logout_requests().front().credential(), "acme-payables-user");
  EXPECT_EQ(Run({"session", "logout", "00800000000000000801", "--output", "json"}), kExitOk);
  EXPECT_EQ(OutJson(), Json({{"organization_id", "00800000000000000801"}, {"ended", true}}));
}

TEST_F(SessionCommandTest, ListShowsStatesAndReasons) {
  v1::SessionEntry live;
  live.set_organization_id("00800000000000000801");
  live.set_credential("acme-payables-user");
  live.set_state(v1::SESSION_STATE_LIVE);
  live.set_generation(7);
  live.set_trusted(true);
  live.set_sign_in_count(2);
  live.mutable_expire_time()->set_seconds(1'800'000'000 + 2 * 3600 + 300);
  broker_.AddSessionEntry(live);
  v1::SessionEntry refused;
  refused.set_organization_id("00800000000000000802");
  refused.set_credential("books-\xC3\xA4");
  refused.set_state(v1::SESSION_STATE_QUARANTINED);
  refused.mutable_quarantine()->set_reason(v1::REASON_LOCKED_OUT);
  refused.mutable_quarantine()->set_bill_code("BDC_1110");
  refused.mutable_quarantine()->mutable_end_time()->set_seconds(1'800'003'600);
  broker_.AddSessionEntry(refused);
  v1::SessionEntry waiting;
  waiting.set_organization_id("00800000000000000803");
  waiting.set_credential("acme-payables-user");
  waiting.set_state(v1::SESSION_STATE_BACKING_OFF);
  waiting.mutable_retry_time()->set_seconds(1'800'000'012);
  broker_.AddSessionEntry(waiting);
  v1::SessionEntry queued;
  queued.set_organization_id("00800000000000000804");
  queued.set_credential("acme-payables-user");
  queued.set_state(v1::SESSION_STATE_QUEUED);
  queued.mutable_retry_time()->set_seconds(1'800'000'090);
  broker_.AddSessionEntry(queued);
  EXPECT_EQ(Run({"session", "list"}), kExitOk) << err_;
  EXPECT_EQ(
      out_,
      "ORGANIZATION          CREDENTIAL          STATE        REMAINING  TRUSTED  SIGN-INS  NOTE\n"
      "00800000000000000801  acme-payables-user  live         2 h 5 min  yes      2\n"
      "00800000000000000802  books-\xC3\xA4             quarantined  -          -        0         "
      "LOCKED_OUT "
      "(BDC_1110) until 2027-01-15T09:00:00Z\n"
      "00800000000000000803  acme-payables-user  backing_off  -          -        0   "
      "      retry in 12 s\n"
      "00800000000000000804  acme-payables-user  queued       -          -        0   "
      "      its turn in 2 min\n");
  EXPECT_EQ(Run({"session", "list", "--output", "json"}), kExitOk);
  ASSERT_THAT(OutJson()["sessions"], SizeIs(4));
  EXPECT_EQ(OutJson()["sessions"][0]["quarantine"], nullptr);
  EXPECT_EQ(OutJson()["sessions"][1]["quarantine"], Json({{"reason", "LOCKED_OUT"},
                                                          {"bill_code", "BDC_1110"},
                                                          {"start_time", nullptr},
                                                          {"end_time", "2027-01-15T09:00:00Z"}}));
}

TEST_F(SessionCommandTest, WatchPrintsALineForEachState) {
  broker_.Tell("00800000000000000802", MakeError(Reason::kNoLiveSession, "none is live"));
  broker_.FailNext("WatchEnd", MakeError(Reason::kDraining, "the broker is shutting down"));
  EXPECT_EQ(Run({"session", "watch", "00800000000000000801", "00800000000000000802"}),
            kExitTryLater);
  EXPECT_EQ(out_,
            "2027-01-15T08:00:00Z  00800000000000000801  live  34 min left of generation 1 by "
            "acme-payables-user\n"
            "2027-01-15T08:00:00Z  00800000000000000802  NO_LIVE_SESSION  none is live\n");
  EXPECT_THAT(err_, HasSubstr("DRAINING"));
  EXPECT_FALSE(broker_.watch_requests()[0].keep_warm());
  EXPECT_FALSE(broker_.watch_requests()[0].include_dev_key());
}

TEST_F(SessionCommandTest, WatchJsonPrintsALineForEachState) {
  broker_.Tell("00800000000000000802", MakeError(Reason::kNoLiveSession, "none is live"));
  broker_.FailNext("WatchEnd", MakeError(Reason::kDraining, "the broker is shutting down"));
  EXPECT_EQ(Run({"session", "watch", "00800000000000000801", "00800000000000000802", "--credential",
                 "acme-payables-user", "--keep-warm", "--output", "json"}),
            kExitTryLater);
  std::istringstream lines(out_);
  std::string first;
  std::string second;
  std::getline(lines, first);
  std::getline(lines, second);
  EXPECT_EQ(Json::parse(first)["session"]["generation"], 1);
  EXPECT_EQ(Json::parse(first)["error"], nullptr);
  EXPECT_EQ(Json::parse(second),
            Json({{"time", "2027-01-15T08:00:00Z"},
                  {"organization_id", "00800000000000000802"},
                  {"credential", "acme-payables-user"},
                  {"session", nullptr},
                  {"error", {{"reason", "NO_LIVE_SESSION"}, {"message", "none is live"}}}}));
  EXPECT_THAT(out_, Not(HasSubstr("secret")));
  EXPECT_TRUE(broker_.watch_requests()[0].keep_warm());
}

TEST_F(SessionCommandTest, ListRoundsDueRetryUp) {
  v1::SessionEntry due;
  due.set_organization_id("00800000000000000801");
  due.set_credential("acme-payables-user");
  due.set_state(v1::SESSION_STATE_BACKING_OFF);
  due.mutable_retry_time()->set_seconds(1'800'000'000);
  broker_.AddSessionEntry(due);
  EXPECT_EQ(Run({"session", "list"}), kExitOk) << err_;
  EXPECT_THAT(out_, HasSubstr("retry in 1 s\n"));
}

TEST_F(SessionCommandTest, ExecSetsOnlyTheEnvironment) {
  EXPECT_EQ(Run({"exec", "--org", "00800000000000000801", "--credential", "acme-payables-user",
                 "--", "tool", "status", "-c", "--password", "x", "--", "--output"}),
            kExitOk)
      << err_;
  EXPECT_THAT(host_.executed,
              ElementsAre("tool", "status", "-c", "--password", "x", "--", "--output"));
  EXPECT_EQ(host_.exec_environment,
            (std::map<std::string, std::string>{{"BILL_SESSION_ID", kSessionIdSecret},
                                                {"BILL_DEV_KEY", kDevKeySecret},
                                                {"BILL_BASE_URL", "https://bill.test/connect"},
                                                {"BILL_ORGANIZATION_ID", "00800000000000000801"}}));
  EXPECT_TRUE(broker_.get_session_requests().front().include_dev_key());
  EXPECT_EQ(broker_.get_session_requests().front().credential(), "acme-payables-user");
  EXPECT_EQ(out_ + err_, "");
}

TEST_F(SessionCommandTest, ExecNeedsASession) {
  EXPECT_EQ(Run({"exec", "--org", "unknown", "--", "tool"}), kExitNotFound);
  EXPECT_THAT(host_.executed, SizeIs(0));
  EXPECT_THAT(err_, StartsWith("error: UNKNOWN_ORGANIZATION: organization \"unknown\""));
}

TEST_F(SessionCommandTest, ExecUsesExitCodesOfTheShell) {
  host_.exec_result = absl::NotFoundError("cannot run tool: No such file or directory");
  EXPECT_EQ(Run({"exec", "--org", "00800000000000000801", "--", "tool"}), kExitNoCommand);
  EXPECT_THAT(err_, HasSubstr("cannot run tool"));
  host_.exec_result = absl::PermissionDeniedError("cannot run tool: Permission denied");
  EXPECT_EQ(Run({"exec", "--org", "00800000000000000801", "--", "tool"}), kExitCannotRun);
}

}  // namespace
}  // namespace billbroker
