// Known secrets go in; nothing that a person, a log or another process can see shows them.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/e2e/house.h"

namespace billbroker {
namespace {

constexpr char kWrongPassword[] = "planted-wrong-password-5417";

// Everything of a process that other processes of its user may read as text.
std::string CommandLines() {
  std::ostringstream all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream command_line(entry.path() / "cmdline");
    all << command_line.rdbuf() << "\n";
    all.clear();
  }
  return all.str();
}

void ExpectNoSecret(const std::string& where, const std::string& text) {
  for (const char* secret :
       {kWrongPassword, kAcmePassword, kAcmeDevKey, kConsoleToken, kBakeryDevKey}) {
    EXPECT_FALSE(absl::StrContains(text, secret)) << where << " shows a secret";
  }
}

TEST(SecretsTest, NoSecretComesOutOfCreateSignInAndFailure) {
  House house;
  house.StartBroker();
  const House::Output created =
      house.Cli({"credential", "create", "acme", "--environment", "sandbox", "--kind", "user",
                 "--username", kAcmeUser, "--organization", kPayables, "--secrets-from-stdin"},
                absl::StrCat(R"({"dev_key": ")", kAcmeDevKey, R"(", "password": ")", kWrongPassword,
                             R"("})"));
  ASSERT_EQ(created.exit_code, 0) << created.text;
  ASSERT_EQ(house.CreateBooks(), absl::OkStatus());
  ExpectNoSecret("credential create", created.text);
  const absl::Status refused = house.sessions().GetSession(kPayables).status();
  EXPECT_TRUE(HasReason(refused, Reason::kCredentialRejected));
  ExpectNoSecret("a status", refused.ToString());
  ASSERT_TRUE(house.sessions().GetSession(kBakery).ok());

  const std::vector<std::vector<std::string>> commands = {
      {"credential", "show", "acme"},
      {"credential", "list", "--output", "json"},
      {"session", "get", kPayables},
      {"session", "get", kBakery},
      {"session", "list", "--output", "json"},
      {"session", "login", kPayables, "--force"},
      {"status"},
      {"doctor", "--config", house.File("broker.toml")}};
  for (const std::vector<std::string>& command : commands) {
    ExpectNoSecret(command[0] + " " + command.back(), house.Cli(command).text);
  }
  ExpectNoSecret("the daemon's log", house.Log());
  ExpectNoSecret("/proc/*/cmdline", CommandLines());
  ExpectNoSecret(
      "the keyring's attributes",
      house.bus().Run(
          {"sh", "-c", "secret-tool search --all instance default 2>&1 | grep -v '^secret = '"}));
}

TEST(SecretsTest, AMalformedSecretsObjectIsRefusedWithoutShowingIt) {
  House house;
  house.StartBroker();
  const House::Output refused = house.Cli(
      {"credential", "create", "acme", "--environment", "sandbox", "--kind", "user", "--username",
       kAcmeUser, "--secrets-from-stdin"},
      absl::StrCat(R"({"dev_key": ")", kAcmeDevKey, R"(", "pasword": ")", kWrongPassword, R"("})"));
  EXPECT_EQ(refused.exit_code, 2) << refused.text;
  EXPECT_TRUE(absl::StrContains(refused.text, "member 2")) << refused.text;
  ExpectNoSecret("credential create", refused.text);
}

TEST(SecretsTest, SecretToolShowsAPersonWhichCredentialsAreThere) {
  House house;
  house.StartBroker();
  ASSERT_EQ(house.CreateAcme(), absl::OkStatus());
  const std::string shown = house.bus().Run(
      {"sh", "-c", "secret-tool search --all instance default 2>&1 | grep -v '^secret = '"});
  EXPECT_TRUE(absl::StrContains(shown, "billbroker credential acme")) << shown;
  EXPECT_TRUE(absl::StrContains(shown, "attribute.credential = acme")) << shown;
}

}  // namespace
}  // namespace billbroker
