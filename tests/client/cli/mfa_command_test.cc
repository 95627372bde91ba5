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

TEST_F(MfaCommandTest, RenewAsksForTheCode) {
  terminal_.person = true;
  terminal_.answers = {"123 456"};
  EXPECT_EQ(Run({"mfa", "renew", "acme-payables-user", "--organization", "00800000000000000801",
                 "--device", "server-1"}),
            kExitOk);
  EXPECT_THAT(out_, HasSubstr("acme-payables-user"));
  EXPECT_THAT(out_, HasSubstr("'billbroker mfa step-up acme-payables-user'"));
  EXPECT_THAT(terminal_.secret_prompts, SizeIs(1));
  ASSERT_THAT(broker_.challenge_requests(), SizeIs(1));
  EXPECT_EQ(broker_.challenge_requests()[0].organization_id(), "00800000000000000801");
  ASSERT_THAT(broker_.code_requests(), SizeIs(1));
  EXPECT_EQ(broker_.code_requests()[0].challenge_id(), "challenge-of-acme-payables-user");
  EXPECT_EQ(broker_.code_requests()[0].code(), "123456");
  EXPECT_EQ(broker_.code_requests()[0].device(), "server-1");
  EXPECT_THAT(out_ + err_, Not(HasSubstr("123456")));
}

TEST_F(MfaCommandTest, AsksAgainAfterWrongCode) {
  terminal_.person = true;
  terminal_.answers = {"000000", "123456"};
  EXPECT_EQ(Run({"mfa", "renew", "acme-payables-user"}), kExitOk);
  EXPECT_THAT(broker_.code_requests(), SizeIs(2));
  terminal_.answers = {"000000", "000001", "000002", "123456"};
  EXPECT_EQ(Run({"mfa", "renew", "acme-payables-user"}), kExitNeedsPerson);
  EXPECT_THAT(broker_.code_requests(), SizeIs(5));
}

TEST_F(MfaCommandTest, StopsAskingAfterTooManyAttempts) {
  terminal_.person = true;
  terminal_.answers = {"000000", "123456"};
  broker_.FailNext(
      "CompleteChallenge",
      MakeError({Reason::kMfaFailed, absl::nullopt, {{"bill_code", "BDC_1358"}}}, "too many"));
  EXPECT_EQ(Run({"mfa", "renew", "acme-payables-user"}), kExitNeedsPerson);
  EXPECT_THAT(broker_.code_requests(), SizeIs(1));
}

TEST_F(MfaCommandTest, ReadsCodeFromStandardInput) {
  terminal_.input = "123456\n";
  EXPECT_EQ(Run({"mfa", "renew", "acme-payables-user", "--code-from-stdin", "--output", "json"}),
            kExitOk);
  EXPECT_EQ(OutJson()["sessions"]["trusted_count"], 2);
  EXPECT_EQ(OutJson()["credential"]["name"], "acme-payables-user");
  EXPECT_EQ(Run({"mfa", "renew", "acme-payables-user"}), kExitUsage);  // there is no person to ask
  EXPECT_THAT(broker_.challenge_requests(), SizeIs(1));                // and no code was sent
  EXPECT_EQ(Run({"mfa", "renew", "acme-payables-user", "--code", "123456"}), kExitUsage);
  EXPECT_THAT(err_, Not(HasSubstr("123456")));
}

TEST_F(MfaCommandTest, RefusedIdIsNotCalledRenewed) {
  terminal_.input = "123456\n";
  EXPECT_EQ(Run({"mfa", "renew", "acme-payables-user", "--code-from-stdin", "--device",
                 "refused-device"}),
            kExitOk);
  EXPECT_THAT(out_, HasSubstr("does not take the new rememberMeId"));
  EXPECT_THAT(out_, Not(HasSubstr("is renewed until")));
}

TEST_F(MfaCommandTest, StepUpNamesTheNextCommand) {
  EXPECT_EQ(Run({"mfa", "step-up", "acme-payables-user"}), kExitOk);
  EXPECT_THAT(out_, HasSubstr("'billbroker mfa renew acme-payables-user'"));
}

TEST_F(MfaCommandTest, RejectedChallengeNeedsAPerson) {
  broker_.FailNext("StartChallenge", MakeError(Reason::kMfaFailed, "no phone"));
  terminal_.person = true;
  EXPECT_EQ(Run({"mfa", "renew", "acme-payables-user"}), kExitNeedsPerson);
  EXPECT_EQ(ErrorReason(), "MFA_FAILED");
}

TEST_F(MfaCommandTest, RetriesChallengeAfterLockedKeyring) {
  terminal_.person = true;
  terminal_.answers = {"123456", "123456"};
  broker_.FailNext("CompleteChallenge", MakeError(Reason::kVaultLocked, "unlock the keyring"));
  EXPECT_EQ(Run({"mfa", "renew", "acme-payables-user"}), kExitOk);
  EXPECT_THAT(err_, HasSubstr("unlock the keyring"));
  EXPECT_THAT(broker_.challenge_requests(), SizeIs(1));
}

}  // namespace
}  // namespace billbroker
