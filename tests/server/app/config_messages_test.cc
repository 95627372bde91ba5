// Golden texts of the configuration's errors. A file:line and a key begin each of them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/app/config.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;

constexpr char kGood[] = R"(state_dir = "/var/lib/billbroker"
policy_file = "/etc/billbroker/policy.toml"
listener = [{unix = "/run/billbroker/broker.sock"}]
[environments.sandbox]
base_url = "https://gateway.stage.bill.com/connect"
)";

// Returns the error of ParseConfig() for kGood followed by `more`, whose first line is line 6.
std::string MessageOfGoodAnd(const std::string& more) {
  const absl::StatusOr<Config> config = ParseConfig(absl::StrCat(kGood, more), "b.toml");
  EXPECT_THAT(config, StatusIs(absl::StatusCode::kInvalidArgument)) << more;
  return std::string(config.status().message());
}

TEST(ConfigMessagesTest, NamesLineKeyAndFix) {
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
       "b.toml:7: session.idle_window must be from 4s to 48h, not -1m"},
      {"[session]\nidle_window = \"inf\"",
       "b.toml:7: session.idle_window must be from 4s to 48h, not inf"},
      {"[session]\nidle_window = \"3s\"",
       "b.toml:7: session.idle_window must be from 4s to 48h, not 3s"},
      {"[session]\nsafety_margin = \"0s\"",
       "b.toml:7: session.safety_margin must be from 1s to 1h, not 0"},
      {"[session]\nsafety_margin = \"999ms\"",
       "b.toml:7: session.safety_margin must be from 1s to 1h, not 999ms"},
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
       "b.toml:7: prewarm.organizations holds \"008/1\", which is not an organization id: 1 to 64 "
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
       "b.toml:6: environments.Prod is not a valid environment name; use 1 to 64 characters of "
       "[a-z0-9-]"},
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
    EXPECT_THAT(MessageOfGoodAnd(row.more + "\n"), HasSubstr(row.error)) << row.more;
  }
}

TEST(ConfigMessagesTest, NamesLineAndKeyOfListeners) {
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
    EXPECT_THAT(config, StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(std::string(config.status().message()), HasSubstr(row.error)) << row.listener;
  }
}

TEST(ConfigMessagesTest, UnreadableOrWritableFile) {
  const TempFolder folder;
  const std::string path = folder.File("b.toml");
  EXPECT_EQ(LoadConfig(path).status().message(),
            path + ": cannot be read: No such file or directory");
  std::ofstream(path) << kGood;
  ASSERT_EQ(::chmod(path.c_str(), 0646), 0);
  EXPECT_EQ(LoadConfig(path).status().message(),
            absl::StrCat(path, ": every user of this machine may write it; chmod o-w ", path));
}

TEST(ConfigMessagesTest, MissingKeys) {
  const absl::StatusOr<Config> config = ParseConfig("instance = \"A B\"\n", "b.toml");
  const std::string message(config.status().message());
  EXPECT_THAT(message, HasSubstr("b.toml:1: instance must be 1 to 64"));
  EXPECT_THAT(message, HasSubstr("b.toml: state_dir is missing; set it"));
  EXPECT_THAT(message, HasSubstr("b.toml: policy_file is missing; set it to the path"));
  EXPECT_THAT(message, HasSubstr("b.toml: environments is empty"));
}

}  // namespace
}  // namespace billbroker
