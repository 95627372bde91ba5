// What the engine makes of credentials that somebody edited or restored in the keyring.
#include <gtest/gtest.h>

#include "tests/server/session/engine_fixture.h"

namespace billbroker {
namespace {

using EngineEditedTest = EngineTest;

TEST_F(EngineEditedTest, AnOrganizationThatIsGoneFromTheSameVersionIsNotSignedIn) {
  Credential edited = (*vault.Load("acme"))->Clone();
  edited.organizations.erase(edited.organizations.begin());
  ASSERT_TRUE(vault.Restage(edited).ok());
  EXPECT_TRUE(HasReason(Get().status(), Reason::kUnknownOrganization));
  EXPECT_EQ(bill.CountSignIns(), 0);

  ProbeRequest request;
  request.candidate = *vault.Load("acme");
  request.info = *directory.Get("acme");
  request.organization_id = "008acme00000";
  absl::Status proved;
  engine.Probe(std::move(request), [&](const ProbeResult& result) { proved = result.status; });
  executor.RunUntilIdle();
  EXPECT_TRUE(HasReason(proved, Reason::kUnknownOrganization)) << proved;
}

TEST_F(EngineEditedTest, ARestoredBackupIsWhatCounts) {
  const CredentialPtr backup = *vault.Load("acme");
  Credential wrong = backup->Clone();
  ++wrong.version;
  wrong.password = SecretString::CopyOf("wrong");
  Replace(wrong);
  bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  EXPECT_TRUE(HasReason(Get().status(), Reason::kCredentialRejected));

  ASSERT_TRUE(vault.Delete("acme", wrong.uid, wrong.version).ok());
  ASSERT_TRUE(vault.Create(*backup).ok());
  directory.Reset({InfoOf(*backup, Fingerprinter(*vault.MasterKey()))}, {});
  executor.RunUntilIdle();
  ASSERT_TRUE(Get().ok());
  EXPECT_EQ(bill.sign_ins().back().secret, "password-of-acme");
}

TEST_F(EngineEditedTest, ASecretThatWasEditedUnderTheSameVersionIsFreeToBeTried) {
  bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  EXPECT_TRUE(HasReason(Get().status(), Reason::kCredentialRejected));
  Credential edited = (*vault.Load("acme"))->Clone();
  edited.password = SecretString::CopyOf("mended");
  ASSERT_TRUE(vault.Restage(edited).ok());
  directory.Reset({InfoOf(edited, Fingerprinter(*vault.MasterKey()))}, {});
  executor.RunUntilIdle();
  ASSERT_TRUE(Get().ok());
  EXPECT_EQ(bill.sign_ins().back().secret, "mended");
}

TEST_F(EngineEditedTest, AnotherKindUnderTheSameVersionIsDecidedOnAnew) {
  Credential edited = (*vault.Load("acme"))->Clone();
  edited.kind = CredentialKind::kPartner;
  edited.app_key = SecretString::CopyOf("app-key");
  for (Organization& each : edited.organizations) each.user_id = "006user";
  ASSERT_TRUE(vault.Restage(edited).ok());
  EXPECT_TRUE(Get().ok());
  EXPECT_EQ(bill.partner_sign_ins().size(), 1u);
}

}  // namespace
}  // namespace billbroker
