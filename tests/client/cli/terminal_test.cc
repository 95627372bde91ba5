// The program `billbroker` at a real terminal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <string>

#include "tests/client/support/fake_broker.h"
#include "tests/client/support/pseudo_terminal.h"
#include "tests/support/temp_folder.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class TerminalTest : public ::testing::Test {
 protected:
  TerminalTest() {
    v1::GetStatusResponse status;
    status.add_environments()->set_name("sandbox");
    broker_.set_status(status);
  }

  std::vector<std::string> Command(std::vector<std::string> args) const {
    args.insert(args.begin(), {BILLBROKER_PROGRAM, "--socket", folder_ / "broker.sock"});
    return args;
  }

  static void Answer(PseudoTerminal& terminal, const std::string& question,
                     const std::string& answer) {
    ASSERT_TRUE(terminal.WaitFor(question)) << terminal.screen();
    terminal.Type(answer + "\n");
  }

  // Answers all questions before the one for the devKey.
  static void AnswerUpToSecrets(PseudoTerminal& terminal) {
    Answer(terminal, "environment [sandbox]: ", "");
    Answer(terminal, "kind [1]: ", "");
    Answer(terminal, "BILL user name: ", "ada@acme.test");
    Answer(terminal, "name for the credential [ada-sandbox]: ", "");
    Answer(terminal, "organization ids, separated by spaces or commas: ", "00800000000000000801");
    ASSERT_TRUE(terminal.WaitFor("devKey (not shown): ")) << terminal.screen();
    EXPECT_FALSE(terminal.echoes());
  }

  TempFolder folder_;
  FakeBroker broker_{folder_ / "broker.sock"};
};

TEST_F(TerminalTest, LoginEchoesAnswersExceptSecrets) {
  PseudoTerminal terminal(Command({"login"}));
  AnswerUpToSecrets(terminal);
  terminal.Type(std::string(kDevKeySecret) + "\n");
  Answer(terminal, "password (not shown): ", "hunter2-secret");
  Answer(terminal, "store it in the keyring and sign in once? [Y/n] ", "y");
  EXPECT_EQ(terminal.Wait(), 0) << terminal.screen();
  EXPECT_TRUE(terminal.echoes());
  EXPECT_THAT(terminal.screen(), HasSubstr("ada@acme.test"));
  EXPECT_THAT(terminal.screen(), HasSubstr("organization "));
  EXPECT_THAT(terminal.screen(), Not(HasSubstr(kDevKeySecret)));
  EXPECT_THAT(terminal.screen(), Not(HasSubstr("hunter2")));
  EXPECT_THAT(terminal.screen(), Not(HasSubstr(kSessionIdSecret)));
  ASSERT_EQ(broker_.create_requests().size(), 1u);
  EXPECT_EQ(broker_.create_requests().front().dev_key(), kDevKeySecret);
  EXPECT_EQ(broker_.create_requests().front().password(), "hunter2-secret");
}

TEST_F(TerminalTest, SignalRestoresEcho) {
  for (const int signal : {SIGTERM, SIGHUP}) {
    PseudoTerminal terminal(Command({"login"}));
    AnswerUpToSecrets(terminal);
    ASSERT_EQ(kill(terminal.pid(), signal), 0);
    EXPECT_EQ(terminal.Wait(), 128 + signal);
    EXPECT_TRUE(terminal.echoes());
  }
  EXPECT_TRUE(broker_.create_requests().empty());
}

TEST_F(TerminalTest, ControlCAtSecretPromptRestoresEcho) {
  PseudoTerminal terminal(Command({"login"}));
  AnswerUpToSecrets(terminal);
  terminal.Type("half a sec\x03");
  EXPECT_EQ(terminal.Wait(), 128 + SIGINT);
  EXPECT_TRUE(terminal.echoes());
  EXPECT_THAT(terminal.screen(), Not(HasSubstr("half a sec")));
}

TEST_F(TerminalTest, EndOfInputAtSecretPromptChangesNothing) {
  PseudoTerminal terminal(Command({"login"}));
  AnswerUpToSecrets(terminal);
  terminal.Type("\x04");
  EXPECT_EQ(terminal.Wait(), 1);
  EXPECT_TRUE(terminal.echoes());
  EXPECT_TRUE(broker_.create_requests().empty());
}

}  // namespace
}  // namespace billbroker
