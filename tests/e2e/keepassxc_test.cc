// The built broker with a real KeePassXC, which answers each new item and each deletion with a
// prompt. Nobody has to answer it here: it only has to be called.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/e2e/test_environment.h"
#include "tests/support/await.h"
#include "tests/support/secret_provider.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kNeedsPerson = 5;  // an exit code of docs/cli.md

TestEnvironment::Options WithoutProvider() {
  TestEnvironment::Options options;
  options.keyring = PrivateBus::Start::kBus;
  return options;
}

class KeePassXcTest : public ::testing::Test {
 protected:
  KeePassXcTest() {
    keepassxc_->Start(/*unlocked=*/true);
    env_.StartBroker();
    AwaitState(v1::VAULT_STATE_NEEDS_CONFIRMATION);
  }

  void AwaitState(v1::VaultState state) {
    const auto is_reported = [&] {
      const absl::StatusOr<v1::GetStatusResponse> status = env_.admin().GetStatus();
      return status.ok() && status->vault().state() == state;
    };
    Await(is_reported, v1::VaultState_Name(state));
  }
  TestEnvironment::Output Adopt(bool allow_prompt) {
    return Run({"keyring", "adopt", "--confirm", "adopt default"}, allow_prompt);
  }
  TestEnvironment::Output CreateAcme(bool allow_prompt) {
    return Run({"credential", "create", kAcme, "--environment", "sandbox", "--kind", "user",
                "--username", kAcmeUser, "--organization", kPayables, "--secrets-from-stdin"},
               allow_prompt, Secrets(kAcmePassword));
  }
  TestEnvironment::Output Run(std::vector<std::string> arguments, bool allow_prompt,
                              const std::string& standard_input = "") {
    if (allow_prompt) arguments.emplace_back("--allow-prompt");
    return env_.Cli(arguments, standard_input);
  }
  static std::string Secrets(const std::string& password) {
    return nlohmann::json({{"dev_key", kAcmeDevKey}, {"password", password}}).dump();
  }
  int CountItems() { return env_.bus().CountItems({{"application", "billbroker"}}); }

  TestEnvironment env_{WithoutProvider()};
  std::unique_ptr<SecretProvider> keepassxc_ = MakeKeePassXc(env_.bus());
};

TEST_F(KeePassXcTest, PersonConfirmsTheFirstKey) {
  EXPECT_EQ(CountItems(), 0);
  for (const TestEnvironment::Output& refused :
       {Adopt(false), CreateAcme(false), CreateAcme(true)}) {
    EXPECT_EQ(refused.exit_code, kNeedsPerson) << refused.text;
    EXPECT_THAT(refused.text, AllOf(HasSubstr("VAULT_LOCKED"),
                                    HasSubstr("'billbroker keyring adopt --allow-prompt'")));
  }
  EXPECT_EQ(CountItems(), 0);
  const TestEnvironment::Output adopted = Adopt(true);
  ASSERT_EQ(adopted.exit_code, 0) << adopted.text;
  EXPECT_THAT(adopted.text, HasSubstr("nothing is given up"));
  EXPECT_EQ(CountItems(), 1);
  AwaitState(v1::VAULT_STATE_READY);
  EXPECT_EQ(env_.Cli({"audit", "verify"}).exit_code, 0);

  // The key is the broker's own after a restart too.
  EXPECT_EQ(env_.StopBroker(), 0);
  env_.StartBroker();
  AwaitState(v1::VAULT_STATE_READY);
}

TEST_F(KeePassXcTest, NewItemsAndDeletionsNeedTheFlag) {
  ASSERT_EQ(Adopt(true).exit_code, 0);
  const TestEnvironment::Output unasked = CreateAcme(false);
  EXPECT_EQ(unasked.exit_code, kNeedsPerson) << unasked.text;
  EXPECT_THAT(unasked.text, AllOf(HasSubstr("VAULT_LOCKED"), HasSubstr("with --allow-prompt"),
                                  HasSubstr("KeePassXC"), Not(HasSubstr(kAcmePassword))));
  EXPECT_EQ(CountItems(), 1);
  const TestEnvironment::Output created = CreateAcme(true);
  ASSERT_EQ(created.exit_code, 0) << created.text;
  EXPECT_EQ(CountItems(), 2);
  EXPECT_THAT(env_.sessions().GetSession(kPayables), IsOk());

  const std::vector<std::string> remove = {"credential", "delete", kAcme, "--yes", "--force"};
  const TestEnvironment::Output kept = Run(remove, false);
  EXPECT_EQ(kept.exit_code, kNeedsPerson) << kept.text;
  EXPECT_THAT(kept.text, HasSubstr("with --allow-prompt"));
  EXPECT_EQ(CountItems(), 2);
  EXPECT_THAT(env_.sessions().GetSession(kPayables), IsOk());
  const TestEnvironment::Output deleted = Run(remove, true);
  EXPECT_EQ(deleted.exit_code, 0) << deleted.text;
  EXPECT_EQ(CountItems(), 1);
  EXPECT_EQ(env_.WhyNoSession(kPayables), Reason::kUnknownOrganization);
}

// KeePassXC replaces an item without a prompt.
TEST_F(KeePassXcTest, ReplacementsWorkWithAndWithoutTheFlag) {
  ASSERT_EQ(Adopt(true).exit_code, 0);
  ASSERT_EQ(CreateAcme(true).exit_code, 0);
  for (const bool allow_prompt : {true, false}) {
    const TestEnvironment::Output attached =
        Run({"credential", "attach", kAcme, kReceivables}, allow_prompt);
    EXPECT_EQ(attached.exit_code, 0) << attached.text;
    const TestEnvironment::Output detached =
        Run({"credential", "detach", kAcme, kReceivables}, allow_prompt);
    EXPECT_EQ(detached.exit_code, 0) << detached.text;
    const TestEnvironment::Output rotated =
        Run({"credential", "rotate", kAcme, "--secrets-from-stdin"}, allow_prompt,
            Secrets(kAcmePassword));
    EXPECT_EQ(rotated.exit_code, 0) << rotated.text;
  }
  EXPECT_EQ(env_.Cli({"credential", "show", kAcme, "--output", "json"}).Json()["version"], 7);
  EXPECT_EQ(CountItems(), 2);
}

}  // namespace
}  // namespace billbroker
