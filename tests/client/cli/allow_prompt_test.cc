// --allow-prompt of every command that writes to the keyring.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "client/cli/exit_code.h"
#include "tests/client/cli/cli_fixture.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kTypedSecrets[] = R"({"dev_key": "dev-key-of-acme", "password": "correct-horse"})";
constexpr char kOrganization[] = "00800000000000000801";

struct ChangingCommand {
  std::vector<std::string> args;
  std::string rpc;
  std::string input;
};

std::vector<ChangingCommand> ChangingCommands() {
  const std::string acme = "acme-payables-user";
  return {
      {{"credential", "create", "mill-payables-user", "--kind", "user", "--environment", "sandbox",
        "--username", "ada@mill.test", "--secrets-from-stdin"},
       "CreateCredential",
       kTypedSecrets},
      {{"credential", "delete", acme, "--yes"}, "DeleteCredential", ""},
      {{"credential", "attach", acme, "00800000000000000802"}, "AttachOrganizations", ""},
      {{"credential", "detach", acme, kOrganization}, "DetachOrganizations", ""},
      {{"credential", "discover", acme, "--attach"}, "AttachOrganizations", ""},
      {{"credential", "rotate", acme, "--secrets-from-stdin"}, "RotateCredential", kTypedSecrets},
      {{"credential", "rollback", acme}, "RollbackCredential", ""},
      {{"credential", "resume-rotation", acme}, "ResumeRotation", ""},
      {{"credential", "cancel-rotation", acme}, "CancelRotation", ""},
      {{"mfa", "renew", acme, "--code-from-stdin"}, "CompleteChallenge", "123456"},
      {{"keyring", "adopt", "--confirm", "adopt payroll-instance"}, "AdoptKeyring", ""},
  };
}

class AllowPromptTest : public CliTest {
 protected:
  AllowPromptTest() {
    v1::AdoptKeyringResponse adoption;
    adoption.set_confirmation("adopt payroll-instance");
    broker_.set_adoption(adoption);
    broker_.set_discovered({{"00800000000000000803", "Acme East"}});
  }

  // Runs the command with `more` arguments, and returns the change that the broker received.
  FakeBroker::Change RunChange(const ChangingCommand& command,
                               const std::vector<std::string>& more) {
    broker_.AddCredential("acme-payables-user", {kOrganization});
    broker_.AddPendingRotation("acme-payables-user");
    terminal_.input = command.input;
    std::vector<std::string> args = command.args;
    args.insert(args.end(), more.begin(), more.end());
    EXPECT_EQ(Run(args), kExitOk) << command.rpc << ": " << err_;
    const std::vector<FakeBroker::Change> changes = broker_.changes();
    EXPECT_FALSE(changes.empty());
    if (changes.empty()) return {};
    EXPECT_EQ(changes.back().rpc, command.rpc);
    return changes.back();
  }
};

TEST_F(AllowPromptTest, EveryChangeSendsTheFlag) {
  for (const ChangingCommand& command : ChangingCommands()) {
    EXPECT_FALSE(RunChange(command, {}).allow_prompt) << command.rpc;
    EXPECT_TRUE(RunChange(command, {"--allow-prompt"}).allow_prompt) << command.rpc;
  }
}

// A prompt may take 2 minutes.
TEST_F(AllowPromptTest, RaisesTheDefaultTimeout) {
  for (const ChangingCommand& command : ChangingCommands()) {
    EXPECT_LT(RunChange(command, {}).patience, absl::Minutes(1)) << command.rpc;
    EXPECT_GT(RunChange(command, {"--allow-prompt"}).patience, absl::Minutes(4)) << command.rpc;
  }
  const FakeBroker::Change brief =
      RunChange(ChangingCommands().front(), {"--allow-prompt", "--timeout", "50s"});
  EXPECT_LT(brief.patience, absl::Minutes(1));
}

TEST_F(AllowPromptTest, AdoptionPreviewSendsTheFlag) {
  RunChange(ChangingCommands().back(), {"--allow-prompt"});
  const std::vector<v1::AdoptKeyringRequest> requests = broker_.adopt_requests();
  ASSERT_THAT(requests, SizeIs(2));
  EXPECT_TRUE(requests[0].validate_only());
  EXPECT_TRUE(requests[0].allow_prompt());
}

TEST_F(AllowPromptTest, FirstKeyGivesNothingUp) {
  terminal_.person = true;
  terminal_.answers = {"adopt payroll-instance"};
  EXPECT_EQ(Run({"keyring", "adopt", "--allow-prompt"}), kExitOk) << err_;
  EXPECT_THAT(err_, HasSubstr("nothing is given up: the keyring gets the broker's first master "
                              "key\n"));
  EXPECT_THAT(out_, HasSubstr("the keyring is the broker's own now"));
}

TEST_F(AllowPromptTest, ReadingCommandsRejectIt) {
  broker_.AddCredential("acme-payables-user", {kOrganization});
  for (const char* command : {"show", "verify"}) {
    EXPECT_EQ(Run({"credential", command, "acme-payables-user", "--allow-prompt"}), kExitUsage);
  }
  EXPECT_EQ(Run({"status", "--allow-prompt"}), kExitUsage);
  EXPECT_THAT(broker_.changes(), IsEmpty());
}

}  // namespace
}  // namespace billbroker
