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

constexpr char kGood[] = R"(state_dir = "/var/lib/billbroker"
policy_file = "/etc/billbroker/policy.toml"
listener = [{unix = "/run/billbroker/broker.sock"}]
[environments.sandbox]
base_url = "https://gateway.stage.bill.com/connect"
)";

// What ParseConfig() says of kGood followed by `more`, whose first line is line 6.
std::string ErrorOfGoodAnd(const std::string& more) {
  const absl::StatusOr<Config> config = ParseConfig(absl::StrCat(kGood, more), "b.toml");
  return config.ok() ? "" : std::string(config.status().message());
}

TEST(ConfigTest, TheLeastFileGivesTheDefaults) {
  const absl::StatusOr<Config> config = ParseConfig(kGood, "b.toml");
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

TEST(ConfigTest, EveryKeyArrivesWhereItBelongs) {
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
[sign_ins.share_percent_of]
0123456789abcdef = 50
[prewarm]
all = true
organizations = ["0081", "0082"]
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
  const GovernorOptions& governor = config->session.governor;
  EXPECT_EQ(governor.sign_ins_per_hour, 100);
  EXPECT_EQ(governor.reserve, 0.2);
  EXPECT_EQ(governor.share, 0.75);
  EXPECT_EQ(governor.shares.at("0123456789abcdef"), 0.5);
  EXPECT_EQ(governor.max_parallel, 9);
  EXPECT_EQ(governor.max_parallel_per_dev_key, 4);
  EXPECT_TRUE(config->session.prewarm_all);
  EXPECT_THAT(config->session.prewarm, ElementsAre("0081", "0082"));
  EXPECT_EQ(config->bill.connect_timeout, absl::Seconds(1));
  EXPECT_EQ(config->bill.total_timeout, absl::Seconds(10));
  EXPECT_EQ(config->bill.max_parallel_calls, 8);
}

TEST(ConfigTest, EveryMistakeIsNamedWithItsLineAndItsFix) {
  struct Row {
    std::string more;
    std::string error;
  };
  const std::vector<Row> rows = {
      {"[sesion]",
       "b.toml:6: unknown key \"sesion\"; known here: audit, bill, credentials, drain_timeout, "
       "environments, instance, keyring, listener, log, policy_file, prewarm, session, sign_ins, "
       "state_dir"},
      {"[session]\nidle = \"1m\"", "b.toml:7: unknown key \"session.idle\"; known here: "},
      {"[bill]\n\n\nretries = 3",
       "b.toml:9: unknown key \"bill.retries\"; known here: "
       "connect_timeout, max_parallel, timeout"},
      {"certificate = \"x\"",
       "b.toml:6: unknown key \"environments.sandbox.certificate\"; known here: base_url, "
       "ca_file, proxy"},
      {"[session]\nidle_window = 35",
       "b.toml:7: session.idle_window must be a duration in a string such as \"35m\", not an "
       "integer"},
      {"[session]\nidle_window = \"35\"",
       "b.toml:7: session.idle_window must be a duration such as \"35m\" or \"1h30m\", not "
       "\"35\""},
      {"[session]\nidle_window = \"-1m\"",
       "b.toml:7: session.idle_window must be from 2s to 48h, not -1m"},
      {"[session]\nidle_window = \"inf\"",
       "b.toml:7: session.idle_window must be from 2s to 48h, not inf"},
      {"[session]\ncheck_slides = \"yes\"",
       "b.toml:7: session.check_slides must be true or false, not a string"},
      {"[session]\nmax_failed_sign_ins_per_hour = 10",
       "b.toml:7: session.max_failed_sign_ins_per_hour must be an integer from 1 to 9, not 10"},
      {"[session]\nmax_failed_sign_ins_per_hour = 1.5",
       "b.toml:7: session.max_failed_sign_ins_per_hour must be an integer from 1 to 9, not a "
       "number or date"},
      {"[session]\nidle_window = \"3m\"\nsafety_margin = \"2m\"",
       "b.toml:8: session.safety_margin must be at most a quarter of idle_window"},
      {"[session]\nfirst_backoff = \"2m\"",
       "b.toml:6: session.longest_backoff must not be shorter than first_backoff"},
      {"[sign_ins]\nshare_percent = 0",
       "b.toml:7: sign_ins.share_percent must be an integer from 1 to 100, not 0"},
      {"[sign_ins]\nshare = 5", "b.toml:7: unknown key \"sign_ins.share\"; known here: "},
      {"[prewarm]\norganizations = [\"008/1\"]",
       "b.toml:7: prewarm.organizations holds \"008/1\", which is no organization's id: 1 to 64 "
       "characters of [A-Za-z0-9_-]"},
      {"[prewarm]\norganizations = [81]",
       "b.toml:7: prewarm.organizations must be an array of strings"},
      {"[bill]\ntimeout = \"1s\"",
       "b.toml:7: bill.timeout must not be shorter than connect_timeout"},
      {"[log]\nlevel = \"loud\"",
       "b.toml:7: log.level must be trace, debug, info, warning or error, not \"loud\""},
      {"[keyring]\ntimeout = true",
       "b.toml:7: keyring.timeout must be a duration in a string such as \"35m\", not a boolean"},
      {"ca_file = \"ca.pem\"",
       "b.toml:6: environments.sandbox.ca_file must be an absolute path, not \"ca.pem\""},
      {"proxy = \"http://user:pw@proxy:1\"",
       "b.toml:6: environments.sandbox.proxy must be a URL such as \"http://proxy:3128\", without "
       "user and password"},
      {"[environments.Prod]\nbase_url = \"https://x\"",
       "b.toml:6: environments.Prod is no environment's name; use 1 to 64 characters of [a-z0-9-]"},
      {"[environments.other]\nbase_url = \"http://gateway.stage.bill.com/connect\"",
       "b.toml:7: environments.other.base_url must be a URL such as "
       "\"https://gateway.stage.bill.com/connect\", not "
       "\"http://gateway.stage.bill.com/connect\"; secrets travel over https only"},
      {"[environments.other]\nbase_url = \"https://gateway.stage.bill.com/connect/\"",
       "has the base_url of environments."},
      {"[audit]\nfile = \"a.jsonl\"",
       "b.toml:7: audit.file must be an absolute path, not \"a.jsonl\""},
      {"[audit]\nsession_reads = \"some\"",
       "b.toml:7: audit.session_reads must be \"off\" or \"all\", not \"some\""},
      {"[environments.other]", "b.toml:6: environments.other.base_url is missing; set it"},
      {"[environments.other]\nbase_url = \"\"",
       "b.toml:7: environments.other.base_url is empty; set it"},
      {"[environments.sandbox]", "b.toml:6: not valid TOML: "},
      {"[session", "b.toml:6: not valid TOML: "},
  };
  for (const Row& row : rows) {
    EXPECT_THAT(ErrorOfGoodAnd(row.more + "\n"), HasSubstr(row.error)) << row.more;
  }
}

TEST(ConfigTest, AnErrorIsOneLineWithoutControlCharactersWhateverTheFileHolds) {
  for (const char* first : {"o = n\n", "instance = \"a\\nb\\u001b[31m\"\n"}) {
    const absl::StatusOr<Config> config = ParseConfig(absl::StrCat(first, kGood), "b.toml");
    ASSERT_THAT(config, Not(IsOk()));
    const std::string error(config.status().message());
    EXPECT_THAT(error, StartsWith("b.toml:1: "));
    EXPECT_THAT(error, HasSubstr("?"));
    EXPECT_THAT(error, Not(AnyOf(HasSubstr("\n"), HasSubstr("\x1b"))));
  }
}

TEST(ConfigTest, ListenersAreNamedWithTheirLinesToo) {
  struct Row {
    std::string listener;
    std::string error;
  };
  const std::vector<Row> rows = {
      {"", "b.toml: listener is missing; add one [[listener]] with unix = "},
      {"listener = 1", "b.toml:4: listener must be tables, each under [[listener]]"},
      {"[[listener]]",
       "b.toml:4: listener needs either unix, a socket's path, or address, such as "},
      {"[[listener]]\nunix = 3", "b.toml:5: listener.unix must be a string, not an integer"},
      {"[[listener]]\nunix = \"b.sock\"",
       "b.toml:5: listener.unix must be an absolute path, not \"b.sock\""},
      {"[[listener]]\nunix = \"/b\"\nmode = 660",
       "b.toml:6: listener.mode must be a string, not an integer"},
      {"[[listener]]\nunix = \"/b\"\nmode = \"rw\"",
       "b.toml:6: listener.mode must be four octal digits such as \"0660\" that let the owner "
       "read and write, not \"rw\""},
      {"[[listener]]\nunix = \"/b\"\nmode = \"0666\"",
       "b.toml:6: listener.mode \"0666\" lets every user of this machine in; use \"0660\" and a "
       "group"},
      {"[[listener]]\nunix = \"/b\"\ntls = true",
       "b.toml:6: unknown key \"listener.tls\"; known here: address, group, max_connection_age, "
       "max_connection_idle, max_connections, max_user_connections, mode, services, unix"},
      {"[[listener]]\nunix = \"/b\"\n[[listener]]\nunix = \"/b\"",
       "b.toml:7: listener.unix is that of another listener; remove one of the two"},
      {"[[listener]]\nunix = \"/b\"\nservices = [\"session\", \"vault\"]",
       "b.toml:6: listener.services must be of session, credential, mfa and audit, not \"vault\""},
      {"[[listener]]\nunix = \"/b\"\naddress = \"127.0.0.1:1\"",
       "b.toml:4: listener needs either unix, a socket's path, or address, such as "},
      {"[[listener]]\naddress = \"127.0.0.1:8443\"",
       "b.toml:5: listener.address needs key_file: over TCP the broker speaks mutual TLS only, on "
       "this machine too"},
      {"[[listener]]\naddress = \"localhost:8443\"",
       "b.toml:5: listener.address must be numbers, such as "},
      {"[[listener]]\naddress = \"127.0.0.1:1\"\nmode = \"0600\"",
       "b.toml:6: unknown key \"listener.mode\"; known here: address, "},
      {"[[listener]]\naddress = \"127.0.0.1:1\"\nkey_file = \"key.pem\"",
       "b.toml:6: listener.key_file must be an absolute path, not \"key.pem\""},
      {"[[listener]]\naddress = \"[::1]:1\"\n[[listener]]\naddress = \"[::1]:1\"",
       "b.toml:7: listener.address is that of another listener; remove one of the two"},
      {"[[listener]]\nunix = \"/b\"\nservices = []",
       "b.toml:6: listener.services names none; leave it out for all of"},
      {"[[listener]]\nunix = \"/b\"\nmax_connections = 0",
       "b.toml:6: listener.max_connections must be an integer from 1 to 100000, not 0"},
      {"[[listener]]\nunix = \"/b\"\nmax_connection_age = \"10s\"",
       "b.toml:6: listener.max_connection_age must be "},
  };
  for (const Row& row : rows) {
    const absl::StatusOr<Config> config = ParseConfig(
        absl::StrCat(
            "state_dir = \"/s\"\npolicy_file = \"/p\"\nenvironments.a.base_url = \"https://a\"\n",
            row.listener, "\n"),
        "b.toml");
    EXPECT_THAT(std::string(config.status().message()), HasSubstr(row.error)) << row.listener;
  }
}

TEST(ConfigTest, ATlsListenerHasItsThreeFiles) {
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

TEST(ConfigTest, AListenerThatTakesNoSecretKeepsIdleConnectionsForAMinute) {
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

TEST(ConfigTest, AllMistakesAreSaidAtOnce) {
  const absl::StatusOr<Config> config =
      ParseConfig("instance = \"A B\"\n[bill]\nx = 1\n", "b.toml");
  EXPECT_THAT(config, StatusIs(absl::StatusCode::kInvalidArgument));
  const std::vector<std::string> lines = absl::StrSplit(config.status().message(), '\n');
  EXPECT_THAT(lines,
              ::testing::UnorderedElementsAre(
                  StartsWith("b.toml:1: instance must be 1 to 64"),
                  "b.toml: state_dir is missing; set it", StartsWith("b.toml: listener is missing"),
                  StartsWith("b.toml: policy_file is missing; set it to a file"),
                  StartsWith("b.toml: environments is empty"),
                  StartsWith("b.toml:3: unknown key \"bill.x\"")));
}

TEST(ConfigTest, TheSamplesThatAreInstalledAreInOrder) {
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

TEST(ConfigTest, AFileThatEverybodyMayWriteIsRefused) {
  const TempFolder folder;
  const std::string path = folder.File("b.toml");
  std::ofstream(path) << kGood;
  EXPECT_THAT(LoadConfig(path), IsOk());
  ASSERT_EQ(::chmod(path.c_str(), 0646), 0);
  EXPECT_EQ(LoadConfig(path).status().message(),
            absl::StrCat(path, ": every user of this machine may write it; chmod o-w ", path));
}

TEST(ConfigTest, AFileThatIsNotThereIsNamed) {
  EXPECT_EQ(LoadConfig("/nonexistent/b.toml").status().message(),
            "/nonexistent/b.toml: cannot be read: No such file or directory");
}

}  // namespace
}  // namespace billbroker
