#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/exit_code.h"
#include "client/cli/login_dialog.h"
#include "tests/client/cli/cli_fixture.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class LoginTest : public CliTest {
 protected:
  LoginTest() {
    v1::GetStatusResponse status;
    for (const char* name : {"production", "sandbox"}) {
      v1::EnvironmentStatus& environment = *status.add_environments();
      environment.set_name(name);
      environment.set_base_url("https://" + std::string(name) + ".test/connect");
    }
    broker_.set_status(status);
    terminal_.person = true;
  }

  // Queues all answers up to the summary, followed by `then`.
  void AnswerAll(std::vector<std::string> then) {
    terminal_.answers = {"sandbox",
                         "1",
                         "Ada.L@acme.test",
                         "",
                         "00800000000000000801, 00800000000000000802",
                         kDevKeySecret,
                         "hunter2"};
    terminal_.answers.insert(terminal_.answers.end(), then.begin(), then.end());
  }
};

TEST_F(LoginTest, CreatesCredentialAndSignsIn) {
  AnswerAll({""});
  EXPECT_EQ(Run({"login"}), kExitOk) << err_;
  const v1::CreateCredentialRequest sent = broker_.create_requests().front();
  EXPECT_EQ(sent.credential(), "ada-l-sandbox");
  EXPECT_EQ(sent.environment(), "sandbox");
  EXPECT_EQ(sent.username(), "Ada.L@acme.test");
  EXPECT_EQ(sent.dev_key(), kDevKeySecret);
  EXPECT_EQ(sent.password(), "hunter2");
  ASSERT_EQ(sent.organizations_size(), 2);
  EXPECT_EQ(broker_.login_requests().front().organization_id(), "00800000000000000801");
  EXPECT_EQ(broker_.login_requests().front().credential(), "ada-l-sandbox");
  EXPECT_THAT(err_, HasSubstr("https://production.test/connect"));
  EXPECT_THAT(out_, HasSubstr("organization  00800000000000000801"));
  EXPECT_THAT(
      err_, HasSubstr("billbroker session get 00800000000000000801 --credential ada-l-sandbox\n"));
  EXPECT_THAT(
      err_, HasSubstr("billbroker exec --org 00800000000000000801 --credential ada-l-sandbox -- "));
  EXPECT_THAT(out_ + err_, Not(HasSubstr("hunter2")));
  EXPECT_THAT(out_ + err_, Not(HasSubstr(kDevKeySecret)));
}

TEST_F(LoginTest, AsksForSecretsOnceWithoutEcho) {
  AnswerAll({"y"});
  EXPECT_EQ(Run({"login"}), kExitOk) << err_;
  EXPECT_THAT(terminal_.secret_prompts,
              ElementsAre("devKey (not shown): ", "password (not shown): "));
}

TEST_F(LoginTest, AsksConsoleForTokenAndDevKeys) {
  terminal_.answers = {
      "", "3",     "books@acme.test", "books", "00800000000000000801 00800000000000000802",
      "", "own-1", "own-2",           "token", "y"};
  EXPECT_EQ(Run({"login"}), kExitOk) << err_;
  const v1::CreateCredentialRequest sent = broker_.create_requests().front();
  EXPECT_EQ(sent.kind(), v1::CREDENTIAL_KIND_CONSOLE);
  EXPECT_EQ(sent.environment(), "production");
  EXPECT_EQ(sent.organizations(1).dev_key(), "own-2");
  EXPECT_EQ(sent.console_api_token(), "token");
  EXPECT_THAT(err_,
              HasSubstr("00800000000000000801 (own devKey), 00800000000000000802 (own devKey)"));
}

TEST_F(LoginTest, AsksPartnerForAppKeyAndUsers) {
  terminal_.answers = {
      "",
      "4",
      "api@firm.test",
      "firm",
      "00800000000000000801",
      "00800000000000000801=00600000000000000061 00800000000000000802=00600000000000000062",
      "dev-key",
      "own",
      "",
      "app-key",
      "hunter2",
      "y"};
  EXPECT_EQ(Run({"login"}), kExitOk) << err_;
  const v1::CreateCredentialRequest sent = broker_.create_requests().front();
  EXPECT_EQ(sent.kind(), v1::CREDENTIAL_KIND_PARTNER);
  EXPECT_EQ(sent.app_key(), "app-key");
  EXPECT_EQ(sent.password(), "hunter2");
  EXPECT_EQ(sent.organizations(0).dev_key(), "own");
  EXPECT_EQ(sent.organizations(1).organization_id(), "00800000000000000802");
  EXPECT_EQ(sent.organizations(1).user_id(), "00600000000000000062");
  EXPECT_THAT(err_, HasSubstr("00800000000000000801 as 00600000000000000061 (own devKey), "
                              "00800000000000000802 as 00600000000000000062"));
  EXPECT_THAT(err_, HasSubstr("user_id")) << "the first answer named no user";
}

TEST_F(LoginTest, AsksAgainAfterWrongAnswers) {
  broker_.AddCredential("taken", {"00800000000000000899"});
  terminal_.answers = {
      "moon", "sandbox", "9", "2", "", "token-name", "taken", "fresh", "00800000000000000801",
      "key",  "value",   "y"};
  EXPECT_EQ(Run({"login"}), kExitOk) << err_;
  EXPECT_THAT(err_, HasSubstr("moon"));
  EXPECT_THAT(err_, HasSubstr("taken"));
  EXPECT_EQ(broker_.create_requests().front().credential(), "fresh");
  EXPECT_TRUE(broker_.create_requests().front().sync_token());
}

TEST_F(LoginTest, RejectsUserOfAnotherCredential) {
  for (const char* name : {"acme-payables-user", "books", "mill"})
    broker_.AddCredential(name, {"00800000000000000801"});
  terminal_.answers = {"sandbox", "1", "ADA@acme.test"};
  EXPECT_EQ(Run({"login"}), kExitFailed);
  EXPECT_THAT(err_, HasSubstr("'billbroker credential attach acme-payables-user ID'"));
  EXPECT_THAT(terminal_.prompts.back(), "BILL user name: ");
  terminal_.answers = {"production",           "1",           "ada@acme.test", "",
                       "00800000000000000801", kDevKeySecret, "hunter2",       "y"};
  EXPECT_EQ(Run({"login"}), kExitOk) << "a user of another environment: " << err_;
}

TEST_F(LoginTest, AsksAgainAfterEmptySecrets) {
  terminal_.answers = {"sandbox",
                       "1",
                       "Ada.L@acme.test",
                       "",
                       "00800000000000000801, 00800000000000000802",
                       "",
                       kDevKeySecret,
                       "",
                       "",
                       "hunter2",
                       "y"};
  EXPECT_EQ(Run({"login"}), kExitOk) << err_;
  EXPECT_THAT(terminal_.secret_prompts,
              ElementsAre("devKey (not shown): ", "it must not be empty; devKey (not shown): ",
                          "password (not shown): ", "it must not be empty; password (not shown): ",
                          "it must not be empty; password (not shown): "));
  EXPECT_EQ(broker_.create_requests().front().dev_key(), kDevKeySecret);
  EXPECT_EQ(broker_.create_requests().front().password(), "hunter2");
}

TEST_F(LoginTest, ConsoleWithoutDevKeyNeedsOrganizationDevKeys) {
  terminal_.answers = {"",    "3", "books@acme.test", "books", "00800000000000000801", "", "",
                       "own", "",  "token",           "y"};
  EXPECT_EQ(Run({"login"}), kExitOk) << err_;
  EXPECT_EQ(broker_.create_requests().front().organizations(0).dev_key(), "own");
  EXPECT_EQ(broker_.create_requests().front().console_api_token(), "token");
  terminal_.answers = {"",       "3", "more@acme.test", "more", "00800000000000000801",
                       "shared", "",  "token",          "y"};
  EXPECT_EQ(Run({"login"}), kExitOk) << err_;
  EXPECT_EQ(broker_.create_requests().back().organizations(0).dev_key(), "");
}

TEST_F(LoginTest, StoresNothingWithoutConfirmation) {
  AnswerAll({"n"});
  EXPECT_EQ(Run({"login"}), kExitFailed);
  EXPECT_THAT(broker_.create_requests(), IsEmpty());
}

TEST_F(LoginTest, DeletesRejectedCredentialByDefault) {
  const absl::Status refusal = MakeError(
      ErrorDetails{Reason::kCredentialRejected, absl::nullopt, {{"bill_code", "BDC_1101"}}},
      "bill refused the password of ada@acme.test (BDC_1101)");
  broker_.FailNext("Login", refusal);
  AnswerAll({"y", ""});
  EXPECT_EQ(Run({"login"}), kExitNeedsPerson);
  EXPECT_THAT(err_, HasSubstr("BDC_1101"));
  EXPECT_THAT(err_, HasSubstr("ada-l-sandbox"));
  EXPECT_THAT(broker_.credential_names(), IsEmpty());
  broker_.FailNext("Login", refusal);
  AnswerAll({"y", "y"});
  EXPECT_EQ(Run({"login"}), kExitNeedsPerson);
  EXPECT_THAT(
      err_,
      HasSubstr(
          "billbroker session login 00800000000000000801 --credential ada-l-sandbox --force\n"));
  EXPECT_THAT(broker_.credential_names(), ElementsAre("ada-l-sandbox"));
}

TEST_F(LoginTest, KeepsUntriedCredentialByDefault) {
  broker_.FailNext("Login", MakeError(ErrorDetails{Reason::kBillUnavailable, absl::Seconds(5), {}},
                                      "bill does not answer"));
  AnswerAll({"y", ""});
  EXPECT_EQ(Run({"login"}), kExitTryLater);
  EXPECT_EQ(ErrorReason(), "BILL_UNAVAILABLE");
  EXPECT_THAT(broker_.credential_names(), ElementsAre("ada-l-sandbox"));
}

TEST_F(LoginTest, LoginNeedsATerminal) {
  terminal_.person = false;
  EXPECT_EQ(Run({"login"}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("credential create"));
}

TEST_F(LoginTest, EndOfInputStoresNothing) {
  terminal_.answers = {"sandbox", "1"};
  EXPECT_EQ(Run({"login"}), kExitFailed);
  EXPECT_THAT(broker_.create_requests(), IsEmpty());
}

TEST(ProposeNameTest, ProposalsAreValidNames) {
  EXPECT_EQ(ProposeName("Ada.Lovelace@acme.com", "sandbox"), "ada-lovelace-sandbox");
  EXPECT_EQ(ProposeName("..x__y", "prod"), "x-y-prod");
  EXPECT_EQ(ProposeName("\xC3\xA4", "prod"), "prod");
  EXPECT_EQ(ProposeName("", ""), "bill");
  EXPECT_EQ(ProposeName(std::string(63, 'a') + ".b", "prod"), std::string(63, 'a'));
}

}  // namespace
}  // namespace billbroker
