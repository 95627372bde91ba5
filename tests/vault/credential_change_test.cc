#include "vault/credential_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/sample_credentials.h"

namespace billbroker {
namespace {

CredentialChange Everything() {
  Credential staged = SampleUser("acme-payables-user");
  AddRotations(staged);
  return std::move(staged.staged->change);
}

TEST(CredentialChangeTest, ApplyChangesOnlySetFields) {
  Credential credential = SampleUser("acme-payables-user");
  CredentialChange change;
  change.password = SecretString::CopyOf("next");
  Apply(change, credential);
  EXPECT_EQ(credential.password.Reveal(), "next");
  credential.password = SampleUser("acme-payables-user").password.Clone();
  EXPECT_TRUE(SameCredential(credential, SampleUser("acme-payables-user")));
}

TEST(CredentialChangeTest, ApplyRemovesEmptyFields) {
  Credential credential = SampleUser("acme-payables-user");
  Apply(Everything(), credential);
  EXPECT_TRUE(credential.remember_me_id.empty());
  EXPECT_TRUE(credential.device.empty());
  EXPECT_EQ(credential.DevKeyFor("00800000000000000081").Reveal(), "s3cret-next-0081");
  EXPECT_EQ(credential.DevKeyFor("00800000000000000082").Reveal(), "s3cret-next-dev-key");
  EXPECT_EQ(credential.username, "new@acme.example");
}

TEST(CredentialChangeTest, InverseUndoesTheChange) {
  const Credential before = SampleUser("acme-payables-user");
  Credential credential = before.Clone();
  const CredentialChange change = Everything();
  const CredentialChange inverse = InverseOf(change, credential);
  Apply(change, credential);
  EXPECT_FALSE(SameCredential(credential, before));
  Apply(inverse, credential);
  EXPECT_TRUE(SameCredential(credential, before));
}

TEST(CredentialChangeTest, RememberMeTimeFollowsTheId) {
  Credential credential = SampleUser("acme-payables-user");
  credential.remember_me_time = credential.create_time;
  CredentialChange change;
  change.remember_me_id = SecretString::CopyOf("next");
  change.remember_me_time = credential.update_time;
  const CredentialChange inverse = InverseOf(change, credential);
  Apply(CloneOf(change), credential);
  EXPECT_EQ(credential.remember_me_time, credential.update_time);
  Apply(inverse, credential);
  EXPECT_EQ(credential.remember_me_time, credential.create_time);
  Apply(CredentialChange(), credential);
  EXPECT_EQ(credential.remember_me_time, credential.create_time);
}

TEST(CredentialChangeTest, AppKeyIsReplacedAndRestored) {
  const Credential before = SamplePartner("accounting-firm-user");
  Credential credential = before.Clone();
  CredentialChange change;
  change.app_key = SecretString::CopyOf("next");
  change.organizations.push_back({"00800000000000000095", SecretString::CopyOf("next-0095")});
  const CredentialChange inverse = InverseOf(CloneOf(change), credential);
  EXPECT_THAT(ChangedFields(inverse), ::testing::ElementsAre("app_key", "organizations"));
  Apply(change, credential);
  EXPECT_EQ(credential.app_key.Reveal(), "next");
  EXPECT_EQ(credential.organizations[0].user_id, "0060000000000000000a");
  Apply(inverse, credential);
  EXPECT_TRUE(SameCredential(credential, before));
}

TEST(CredentialChangeTest, IgnoresOrganizationsThatAreNotAttached) {
  Credential credential = SampleUser("acme-payables-user");
  CredentialChange change;
  change.organizations.push_back({"00800000000000000099", SecretString::CopyOf("x")});
  EXPECT_TRUE(InverseOf(change, credential).organizations.empty());
  Apply(change, credential);
  EXPECT_TRUE(SameCredential(credential, SampleUser("acme-payables-user")));
}

TEST(CredentialChangeTest, ChangedFieldsNamesTheSetFields) {
  EXPECT_TRUE(IsEmpty(CredentialChange()));
  EXPECT_THAT(ChangedFields(Everything()),
              ::testing::ElementsAre("username", "dev_key", "password", "remember_me_id", "device",
                                     "organizations"));
  EXPECT_EQ(ChangedFields(CloneOf(Everything())), ChangedFields(Everything()));
}

TEST(CredentialChangeTest, CloneCopiesRotations) {
  Credential rotated = SampleUser("acme-payables-user");
  AddRotations(rotated);
  EXPECT_TRUE(SameCredential(rotated.Clone(), rotated));
}

}  // namespace
}  // namespace billbroker
