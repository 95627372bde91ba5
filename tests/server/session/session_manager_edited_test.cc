// Credentials that were edited or restored in the keyring without the broker.
#include <gtest/gtest.h>

#include "tests/server/session/session_manager_fixture.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using SessionManagerEditedTest = SessionManagerTest;

TEST_F(SessionManagerEditedTest, DoesNotSignInToRemovedOrganization) {
  Credential edited = (*vault.Load(kAcme))->Clone();
  edited.organizations.erase(edited.organizations.begin());
  ASSERT_THAT(vault.Restage(edited), IsOk());
  EXPECT_THAT(Get(), HasReason(Reason::kUnknownOrganization));
  EXPECT_EQ(bill.CountSignIns(), 0);

  ProbeRequest request;
  request.candidate = *vault.Load(kAcme);
  request.info = *credentials.Get(kAcme);
  request.organization_id = kFirst;
  absl::Status proved;
  manager.Probe(std::move(request), [&](const ProbeResult& result) { proved = result.status; });
  executor.RunUntilIdle();
  EXPECT_THAT(proved, HasReason(Reason::kUnknownOrganization));
}

TEST_F(SessionManagerEditedTest, UsesRestoredBackup) {
  const CredentialPtr backup = *vault.Load(kAcme);
  Credential wrong = backup->Clone();
  ++wrong.version;
  wrong.password = SecretString::CopyOf("wrong-password-of-acme");
  Replace(wrong);
  bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  EXPECT_THAT(Get(), HasReason(Reason::kCredentialRejected));

  ASSERT_THAT(vault.Delete(kAcme, wrong.uid, wrong.version), IsOk());
  ASSERT_THAT(vault.Create(*backup), IsOk());
  credentials.Reset({InfoOf(*backup, Fingerprinter(*vault.MasterKey()))}, {});
  executor.RunUntilIdle();
  ASSERT_THAT(Get(), IsOk());
  EXPECT_EQ(bill.sign_ins().back().secret, PasswordOf(kAcme));
}

TEST_F(SessionManagerEditedTest, TriesSecretEditedUnderSameVersion) {
  bill.FailNextSignIns(1, Refusal(Verdict::kSecretRejected, "BDC_1101"));
  EXPECT_THAT(Get(), HasReason(Reason::kCredentialRejected));
  Credential edited = (*vault.Load(kAcme))->Clone();
  edited.password = SecretString::CopyOf("fixed-password-of-acme");
  ASSERT_THAT(vault.Restage(edited), IsOk());
  credentials.Reset({InfoOf(edited, Fingerprinter(*vault.MasterKey()))}, {});
  executor.RunUntilIdle();
  ASSERT_THAT(Get(), IsOk());
  EXPECT_EQ(bill.sign_ins().back().secret, "fixed-password-of-acme");
}

TEST_F(SessionManagerEditedTest, AppliesKindEditedUnderSameVersion) {
  Credential edited = (*vault.Load(kAcme))->Clone();
  edited.kind = CredentialKind::kPartner;
  edited.app_key = SecretString::CopyOf("app-key-of-the-partner");
  for (Organization& each : edited.organizations) each.user_id = "006user-of-the-partner";
  ASSERT_THAT(vault.Restage(edited), IsOk());
  EXPECT_THAT(Get(), IsOk());
  EXPECT_EQ(bill.partner_sign_ins().size(), 1u);
}

}  // namespace
}  // namespace billbroker
