#include "server/app/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "server/app/policy_file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace billbroker {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kGoodConfig[] = R"(state_dir = "/var/lib/billbroker"
policy_file = "/etc/billbroker/policy.toml"
listener = [{unix = "/run/billbroker/broker.sock"}]
[environments.sandbox]
base_url = "https://gateway.stage.bill.com/connect"
)";

TEST(ConfigTest, MinimalFileHasDefaults) {
  const absl::StatusOr<Config> config = ParseConfig(kGoodConfig, "b.toml");
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->instance, "default");
  EXPECT_EQ(config->state_dir, "/var/lib/billbroker");
  EXPECT_EQ(config->drain_timeout, absl::Seconds(30));
  EXPECT_EQ(config->kept_versions, 1);
  EXPECT_EQ(config->audit.file, config->state_dir + "/audit.jsonl");
  EXPECT_FALSE(config->audit.session_reads);
  EXPECT_EQ(config->log_level, LogLevel::kInfo);
  EXPECT_EQ(config->listeners[0].socket, "/run/billbroker/broker.sock");
  EXPECT_EQ(config->listeners[0].mode, 0660U);
  EXPECT_EQ(config->listeners[0].group, "");
  EXPECT_EQ(config->listeners[0].max_connection_age, absl::Minutes(30));
  EXPECT_EQ(config->listeners[0].max_connection_idle, absl::Seconds(5));
  EXPECT_THAT(config->listeners[0].services, ElementsAre("session", "credential", "mfa", "audit"));
  EXPECT_EQ(config->listeners[0].max_connections, 1000);
  EXPECT_EQ(config->listeners[0].max_user_connections, 250);
  ASSERT_EQ(config->environments.size(), 1U);
  EXPECT_EQ(config->environments.at("sandbox").base_url, "https://gateway.stage.bill.com/connect");
  EXPECT_EQ(config->keyring_timeout, absl::Seconds(3));
  EXPECT_EQ(config->session.idle_window, absl::Minutes(35));
  EXPECT_EQ(config->bill.total_timeout, absl::Seconds(30));
}

TEST(ConfigTest, ReadsEveryKey) {
  const absl::StatusOr<Config> config = ParseConfig(R"(
instance = "blue"
state_dir = "/s"
policy_file = "/p.toml"
audit = {file = "/l/a.jsonl", session_reads = "all", longest_wait = "500ms"}
drain_timeout = "5s"
credentials.kept_versions = 0
[log]
level = "debug"
[[listener]]
unix = "/r/b.sock"
mode = "0600"
group = "billbroker"
max_connection_age = "5m"
max_connection_idle = "7s"
services = ["mfa"]
max_connections = 9
max_user_connections = 8
[environments.sandbox]
base_url = "https://localhost:8443/connect/"
ca_file = "/etc/ca.pem"
proxy = "http://proxy:3128"
[environments.production]
base_url = "https://gateway.prod.bill.com/connect"
[keyring]
timeout = "2s"
[session]
idle_window = "30m"
sync_token_idle_window = "24h"
safety_margin = "2m"
max_session_age = "12h"
sliding = false
check_slides = false
keep_alive = "1h"
keep_alive_calls_per_hour = 100
stale_reports_per_hour = 50
first_backoff = "2s"
longest_backoff = "2m"
lockout_cooldown = "2h"
max_failed_sign_ins_per_hour = 2
[sign_ins]
per_hour = 100
reserve_percent = 20
share_percent = 75
max_parallel = 9
max_parallel_per_dev_key = 4
organization_burst = 3
organization_refill = "5m"
[sign_ins.share_percent_of]
0123456789abcdef = 50
[prewarm]
all = true
organizations = ["00800000000000000081", "00800000000000000082"]
[bill]
connect_timeout = "1s"
timeout = "10s"
max_parallel = 8
)",
                                                    "b.toml");
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->instance, "blue");
  EXPECT_EQ(config->drain_timeout, absl::Seconds(5));
  EXPECT_EQ(config->kept_versions, 0);
  EXPECT_EQ(config->log_level, LogLevel::kDebug);
  EXPECT_EQ(config->policy_file, "/p.toml");
  EXPECT_EQ(config->audit.file, "/l/a.jsonl");
  EXPECT_TRUE(config->audit.session_reads);
  EXPECT_EQ(config->audit.longest_wait, absl::Milliseconds(500));
  EXPECT_EQ(config->listeners[0].mode, 0600U);
  EXPECT_EQ(config->listeners[0].group, "billbroker");
  EXPECT_EQ(config->listeners[0].max_connection_age, absl::Minutes(5));
  EXPECT_EQ(config->listeners[0].max_connection_idle, absl::Seconds(7));
  EXPECT_THAT(config->listeners[0].services, ElementsAre("mfa"));
  EXPECT_EQ(config->listeners[0].max_connections, 9);
  EXPECT_EQ(config->listeners[0].max_user_connections, 8);
  const Environment& sandbox = config->environments.at("sandbox");
  EXPECT_EQ(sandbox.name, "sandbox");
  EXPECT_EQ(sandbox.base_url, "https://localhost:8443/connect") << "no slash at the end";
  EXPECT_EQ(sandbox.ca_file, "/etc/ca.pem");
  EXPECT_EQ(sandbox.proxy, "http://proxy:3128");
  EXPECT_EQ(config->environments.size(), 2U);
  EXPECT_EQ(config->keyring_timeout, absl::Seconds(2));
  EXPECT_EQ(config->session.idle_window, absl::Minutes(30));
  EXPECT_EQ(config->session.sync_token_idle_window, absl::Hours(24));
  EXPECT_EQ(config->session.safety_margin, absl::Minutes(2));
  EXPECT_FALSE(config->session.check_slides);
  EXPECT_EQ(config->session.max_session_age, absl::Hours(12));
  EXPECT_FALSE(config->session.sliding);
  EXPECT_EQ(config->session.keep_alive, absl::Hours(1));
  EXPECT_EQ(config->session.keep_alive_calls_per_hour, 100);
  EXPECT_EQ(config->session.stale_reports_per_hour, 50);
  EXPECT_EQ(config->session.first_backoff, absl::Seconds(2));
  EXPECT_EQ(config->session.longest_backoff, absl::Minutes(2));
  EXPECT_EQ(config->session.lockout_cooldown, absl::Hours(2));
  EXPECT_EQ(config->session.max_failed_sign_ins_per_hour, 2);
  const SignInLimits& limits = config->session.sign_in;
  EXPECT_EQ(limits.sign_ins_per_hour, 100);
  EXPECT_EQ(limits.reserve, 0.2);
  EXPECT_EQ(limits.share, 0.75);
  EXPECT_EQ(limits.shares.at("0123456789abcdef"), 0.5);
  EXPECT_EQ(limits.max_parallel, 9);
  EXPECT_EQ(limits.slot_burst, 3);
  EXPECT_EQ(limits.slot_refill, absl::Minutes(5));
  EXPECT_EQ(limits.max_parallel_per_dev_key, 4);
  EXPECT_TRUE(config->session.prewarm_all);
  EXPECT_THAT(config->session.prewarm, ElementsAre("00800000000000000081", "00800000000000000082"));
  EXPECT_EQ(config->bill.connect_timeout, absl::Seconds(1));
  EXPECT_EQ(config->bill.total_timeout, absl::Seconds(10));
  EXPECT_EQ(config->bill.max_parallel_calls, 8);
}

TEST(ConfigTest, ErrorHasNoControlCharacters) {
  for (const char* first : {"o = n\n", "instance = \"a\\nb\\u001b[31m\"\n"}) {
    const absl::StatusOr<Config> config = ParseConfig(absl::StrCat(first, kGoodConfig), "b.toml");
    ASSERT_THAT(config, Not(IsOk()));
    const std::string error(config.status().message());
    EXPECT_THAT(error, StartsWith("b.toml:1: "));
    EXPECT_THAT(error, HasSubstr("?"));
    EXPECT_THAT(error, Not(AnyOf(HasSubstr("\n"), HasSubstr("\x1b"))));
  }
}

TEST(ConfigTest, ReadsFilesOfTlsListener) {
  const absl::StatusOr<Config> config = ParseConfig(
      "state_dir = \"/s\"\npolicy_file = \"/p\"\nenvironments.a.base_url = \"https://a\"\n"
      "[[listener]]\naddress = \"[::1]:8443\"\ncertificate_file = \"/t/c.pem\"\nkey_file = "
      "\"/t/k.pem\"\nclient_ca_file = \"/t/ca.pem\"\n",
      "b.toml");
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->listeners[0].address, "[::1]:8443");
  EXPECT_EQ(config->listeners[0].socket, "");
  EXPECT_EQ(config->listeners[0].tls.certificate, "/t/c.pem");
  EXPECT_EQ(config->listeners[0].tls.key, "/t/k.pem");
  EXPECT_EQ(config->listeners[0].tls.client_ca, "/t/ca.pem");
}

TEST(ConfigTest, IdleTimeDependsOnServices) {
  for (const auto& [services, idle] : {std::pair("[\"session\"]", absl::Minutes(1)),
                                       std::pair("[\"session\", \"mfa\"]", absl::Seconds(5))}) {
    const absl::StatusOr<Config> config = ParseConfig(
        absl::StrCat("state_dir = \"/s\"\npolicy_file = \"/p\"\nenvironments.a.base_url = "
                     "\"https://a\"\n[[listener]]\nunix = \"/b\"\nservices = ",
                     services, "\n"),
        "b.toml");
    ASSERT_THAT(config, IsOk());
    EXPECT_EQ(config->listeners[0].max_connection_idle, idle);
  }
}

TEST(ConfigTest, ReportsAllMistakesAtOnce) {
  const absl::StatusOr<Config> config =
      ParseConfig("instance = \"A B\"\n[bill]\nx = 1\n", "b.toml");
  EXPECT_THAT(config, StatusIs(absl::StatusCode::kInvalidArgument));
  const std::vector<std::string> lines = absl::StrSplit(config.status().message(), '\n');
  EXPECT_THAT(lines, ::testing::UnorderedElementsAre(
                         StartsWith("b.toml:1: instance "), StartsWith("b.toml: state_dir "),
                         StartsWith("b.toml: listener "), StartsWith("b.toml: policy_file "),
                         StartsWith("b.toml: environments "), HasSubstr("\"bill.x\"")));
}

TEST(ConfigTest, InstalledSamplesAreValid) {
  const auto text = [](const std::string& name) {
    std::ifstream file(absl::StrCat(SAMPLES, "/", name));
    EXPECT_TRUE(file.is_open()) << name;
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const absl::StatusOr<Config> config = ParseConfig(text("billbrokerd.toml"), "billbrokerd.toml");
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->policy_file, "/etc/billbroker/policy.toml");
  // The machine that runs the test need not have the group.
  const std::string policy_text = text("policy.toml");
  EXPECT_THAT(policy_text, HasSubstr("\"billbroker-admin\""));
  const absl::StatusOr<Policy> policy = ParsePolicy(
      absl::StrReplaceAll(policy_text, {{"\"billbroker-admin\"", "\"4711\""}}), "policy.toml");
  ASSERT_THAT(policy, IsOk());
  EXPECT_EQ(policy->PrincipalOf({0, {}}), "unix:operators") << "for sudo billbroker";
  EXPECT_TRUE(policy->GrantsOf("unix:operators").CoversOrganization(Role::kAdmin, "00801"));
}

TEST(ConfigTest, RejectsWorldWritableFile) {
  const TempFolder folder;
  const std::string path = folder.File("b.toml");
  std::ofstream(path) << kGoodConfig;
  EXPECT_THAT(LoadConfig(path), IsOk());
  ASSERT_EQ(::chmod(path.c_str(), 0646), 0);
  EXPECT_THAT(LoadConfig(path), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ConfigTest, RejectsMissingFile) {
  EXPECT_THAT(LoadConfig("/nonexistent/b.toml"), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace billbroker
