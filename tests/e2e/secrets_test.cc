// Known secrets are stored and used. No output, log, command line or keyring attribute shows them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/e2e/test_environment.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;

constexpr char kWrongPassword[] = "planted-wrong-password-5417";

// Returns the command lines of all processes.
std::string CommandLines() {
  std::ostringstream all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream command_line(entry.path() / "cmdline");
    all << command_line.rdbuf() << "\n";
    all.clear();
  }
  return all.str();
}

class SecretsTest : public ::testing::Test {
 protected:
  SecretsTest() { env_.StartBroker(); }

  TestEnvironment env_;
};

void ExpectNoSecret(const std::string& where, const std::string& text) {
  for (const char* secret :
       {kWrongPassword, kAcmePassword, kAcmeDevKey, kConsoleToken, kBakeryDevKey}) {
    EXPECT_FALSE(absl::StrContains(text, secret)) << where << " shows a secret";
  }
}

TEST_F(SecretsTest, CreateSignInAndFailureShowNoSecret) {
  const TestEnvironment::Output created =
      env_.Cli({"credential", "create", kAcme, "--environment", "sandbox", "--kind", "user",
                "--username", kAcmeUser, "--organization", kPayables, "--secrets-from-stdin"},
               absl::StrCat(R"({"dev_key": ")", kAcmeDevKey, R"(", "password": ")", kWrongPassword,
                            R"("})"));
  ASSERT_EQ(created.exit_code, 0) << created.text;
  ASSERT_THAT(env_.CreateBooks(), IsOk());
  ExpectNoSecret("credential create", created.text);
  const absl::Status refused = env_.sessions().GetSession(kPayables).status();
  EXPECT_THAT(refused, HasReason(Reason::kCredentialRejected));
  ExpectNoSecret("a status", refused.ToString());
  ASSERT_THAT(env_.sessions().GetSession(kBakery), IsOk());

  const std::vector<std::vector<std::string>> commands = {
      {"credential", "show", kAcme},
      {"credential", "list", "--output", "json"},
      {"session", "get", kPayables},
      {"session", "get", kBakery},
      {"session", "list", "--output", "json"},
      {"session", "login", kPayables, "--force"},
      {"status"},
      {"doctor", "--config", env_.File("broker.toml")}};
  for (const std::vector<std::string>& command : commands) {
    ExpectNoSecret(command[0] + " " + command.back(), env_.Cli(command).text);
  }
  ExpectNoSecret("the daemon's log", env_.Log());
  ExpectNoSecret("/proc/*/cmdline", CommandLines());
  ExpectNoSecret(
      "the keyring's attributes",
      env_.bus().Run(
          {"sh", "-c", "secret-tool search --all instance default 2>&1 | grep -v '^secret = '"}));
}

TEST_F(SecretsTest, MalformedSecretsAreRefusedAndNotShown) {
  const TestEnvironment::Output refused = env_.Cli(
      {"credential", "create", kAcme, "--environment", "sandbox", "--kind", "user", "--username",
       kAcmeUser, "--secrets-from-stdin"},
      absl::StrCat(R"({"dev_key": ")", kAcmeDevKey, R"(", "pasword": ")", kWrongPassword, R"("})"));
  EXPECT_EQ(refused.exit_code, 2) << refused.text;
  EXPECT_THAT(refused.text, HasSubstr("member 2"));
  ExpectNoSecret("credential create", refused.text);
}

TEST_F(SecretsTest, SecretToolShowsTheCredentials) {
  ASSERT_THAT(env_.CreateAcme(), IsOk());
  const std::string shown = env_.bus().Run(
      {"sh", "-c", "secret-tool search --all instance default 2>&1 | grep -v '^secret = '"});
  EXPECT_THAT(shown, HasSubstr(absl::StrCat("billbroker credential ", kAcme)));
  EXPECT_THAT(shown, HasSubstr(absl::StrCat("attribute.credential = ", kAcme)));
}

}  // namespace
}  // namespace billbroker
