#include <gmock/gmock.h>

#include "client/cli/exit_code.h"
#include "tests/client/cli/cli_fixture.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

using MfaCommandTest = CliTest;

TEST_F(MfaCommandTest, APersonTypesTheCode) {
  terminal_.person = true;
  terminal_.answers = {"123 456"};
  EXPECT_EQ(Run({"mfa", "renew", "acme", "--organization", "00801", "--device", "server-1"}),
            kExitOk);
  EXPECT_THAT(out_, HasSubstr("MFA trust of acme is renewed until"));
  EXPECT_THAT(out_, HasSubstr("MFA-trusted now: 2"));
  EXPECT_THAT(out_, HasSubstr("'billbroker mfa step-up acme'"));
  EXPECT_THAT(err_, HasSubstr("BILL sent a code"));
  EXPECT_THAT(terminal_.secret_prompts, SizeIs(1));
  ASSERT_THAT(broker_.challenge_requests(), SizeIs(1));
  EXPECT_EQ(broker_.challenge_requests()[0].organization_id(), "00801");
  ASSERT_THAT(broker_.code_requests(), SizeIs(1));
  EXPECT_EQ(broker_.code_requests()[0].challenge_id(), "challenge-of-acme");
  EXPECT_EQ(broker_.code_requests()[0].code(), "123456");
  EXPECT_EQ(broker_.code_requests()[0].device(), "server-1");
  EXPECT_THAT(out_ + err_, Not(HasSubstr("123456")));
}

TEST_F(MfaCommandTest, AMistypedCodeIsAskedForAgainAsOftenAsBillAllows) {
  terminal_.person = true;
  terminal_.answers = {"000000", "123456"};
  EXPECT_EQ(Run({"mfa", "renew", "acme"}), kExitOk);
  EXPECT_THAT(err_, HasSubstr("the code is wrong"));
  terminal_.answers = {"000000", "000001", "000002", "123456"};
  EXPECT_EQ(Run({"mfa", "renew", "acme"}), kExitNeedsPerson);
  EXPECT_THAT(broker_.code_requests(), SizeIs(5));
}

TEST_F(MfaCommandTest, AfterTooManyTriesNothingIsAskedAgain) {
  terminal_.person = true;
  terminal_.answers = {"000000", "123456"};
  broker_.FailNext(
      "CompleteChallenge",
      MakeError({Reason::kMfaFailed, absl::nullopt, {{"bill_code", "BDC_1358"}}}, "too many"));
  EXPECT_EQ(Run({"mfa", "renew", "acme"}), kExitNeedsPerson);
  EXPECT_THAT(broker_.code_requests(), SizeIs(1));
}

TEST_F(MfaCommandTest, AProgramSaysTheCodeOnStandardInput) {
  terminal_.input = "123456\n";
  EXPECT_EQ(Run({"mfa", "renew", "acme", "--code-from-stdin", "--output", "json"}), kExitOk);
  EXPECT_EQ(OutJson()["sessions"]["trusted"], 2);
  EXPECT_EQ(OutJson()["credential"]["name"], "acme");
  EXPECT_EQ(Run({"mfa", "renew", "acme"}), kExitUsage);  // nobody to ask
  EXPECT_THAT(broker_.challenge_requests(), SizeIs(1));  // and no code sent in vain
  EXPECT_EQ(Run({"mfa", "renew", "acme", "--code", "123456"}), kExitUsage);
  EXPECT_THAT(err_, Not(HasSubstr("123456")));
}

TEST_F(MfaCommandTest, AStepUpSaysWhatIsLeftToDo) {
  EXPECT_EQ(Run({"mfa", "step-up", "acme"}), kExitOk);
  EXPECT_THAT(out_, HasSubstr("MFA-trusted now: 1"));
  EXPECT_THAT(out_, HasSubstr("'billbroker mfa renew acme'"));
}

TEST_F(MfaCommandTest, WhatBillRefusesNeedsAPerson) {
  broker_.FailNext("StartChallenge", MakeError(Reason::kMfaFailed, "no phone"));
  terminal_.person = true;
  EXPECT_EQ(Run({"mfa", "renew", "acme"}), kExitNeedsPerson);
  EXPECT_THAT(err_, HasSubstr("no phone"));
}

TEST_F(MfaCommandTest, WithALockedKeyringTheSameChallengeIsTriedAgain) {
  terminal_.person = true;
  terminal_.answers = {"123456", "123456"};
  broker_.FailNext("CompleteChallenge", MakeError(Reason::kVaultLocked, "unlock the keyring"));
  EXPECT_EQ(Run({"mfa", "renew", "acme"}), kExitOk);
  EXPECT_THAT(err_, HasSubstr("unlock the keyring"));
  EXPECT_THAT(broker_.challenge_requests(), SizeIs(1));
}

}  // namespace
}  // namespace billbroker
