#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "client/admin_client.h"
#include "client/credential_client.h"
#include "tests/client/support/fake_broker.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

class OperatorClientsTest : public ::testing::Test {
 protected:
  TempFolder folder_;
  FakeBroker broker_{folder_ / "broker.sock"};
  ClientOptions options_{.address = "unix:" + (folder_ / "broker.sock")};
  std::shared_ptr<grpc::Channel> channel_ = *OpenChannel(options_);
  AdminClient admin_{channel_, options_};
  CredentialClient credentials_{channel_, options_};
};

TEST_F(OperatorClientsTest, CreateSendsSecrets) {
  NewCredential credential;
  credential.name = "acme-payables-user";
  credential.environment = "sandbox";
  credential.kind = v1::CREDENTIAL_KIND_CONSOLE;
  credential.username = "ada@acme.test";
  credential.dev_key = SecretString::CopyOf(kDevKeySecret);
  credential.console_api_token = SecretString::CopyOf("token");
  credential.remember_me_id = SecretString::CopyOf("remembered");
  credential.device = "server-1";
  credential.organizations.push_back({"00800000000000000801", SecretString::CopyOf("own")});
  credential.organizations.push_back({"00800000000000000802", {}});
  const absl::StatusOr<v1::Credential> created = credentials_.Create(credential);
  ASSERT_THAT(created, IsOk());
  EXPECT_EQ(created->organization_count(), 2);
  const v1::CreateCredentialRequest sent = broker_.create_requests().front();
  EXPECT_EQ(sent.dev_key(), kDevKeySecret);
  EXPECT_EQ(sent.console_api_token(), "token");
  EXPECT_EQ(sent.password(), "");
  EXPECT_EQ(sent.remember_me_id(), "remembered");
  EXPECT_EQ(sent.device(), "server-1");
  EXPECT_EQ(sent.organizations(0).dev_key(), "own");
  EXPECT_EQ(sent.organizations(1).dev_key(), "");
}

TEST_F(OperatorClientsTest, CreateSendsPartnerAppKeyAndUsers) {
  NewCredential partner;
  partner.name = "firm";
  partner.kind = v1::CREDENTIAL_KIND_PARTNER;
  partner.app_key = SecretString::CopyOf("app");
  partner.organizations.push_back({"00800000000000000801", {}, "00600000000000000061"});
  const absl::StatusOr<v1::Credential> created = credentials_.Create(partner);
  ASSERT_THAT(created, IsOk());
  EXPECT_EQ(broker_.create_requests().front().app_key(), "app");
  EXPECT_EQ(created->organizations(0).user_id(), "00600000000000000061");
  CredentialRotation rotation;
  rotation.app_key = SecretString::CopyOf("caf\xE9");
  EXPECT_THAT(credentials_.Rotate(VersionOf(*created), rotation),
              HasReason(Reason::kMalformedRequest));
}

TEST_F(OperatorClientsTest, RotationClearsEmptyValues) {
  NewCredential credential;
  credential.name = "acme-payables-user";
  const absl::StatusOr<v1::Credential> created = credentials_.Create(credential);
  ASSERT_THAT(created, IsOk());
  CredentialRotation rotation;
  rotation.dev_key = SecretString();
  rotation.remember_me_id = SecretString();
  rotation.device = "";
  rotation.organizations.push_back({"00801", SecretString::CopyOf("own")});
  rotation.organizations.push_back({"00802", {}});
  EXPECT_THAT(credentials_.Rotate(VersionOf(*created), rotation, {.verify = false}), IsOk());
  ASSERT_EQ(broker_.rotate_requests().size(), 1U);
  const v1::RotateCredentialRequest cleared = broker_.rotate_requests()[0];
  EXPECT_TRUE(cleared.clear_dev_key());
  EXPECT_TRUE(cleared.clear_remember_me());
  EXPECT_EQ(cleared.organizations(0).dev_key(), "own");
  EXPECT_FALSE(cleared.organizations(0).clear_dev_key());
  EXPECT_TRUE(cleared.organizations(1).clear_dev_key());
  EXPECT_TRUE(cleared.skip_verification());
}

TEST_F(OperatorClientsTest, RotationSendsNewValues) {
  NewCredential credential;
  credential.name = "acme-payables-user";
  const absl::StatusOr<v1::Credential> created = credentials_.Create(credential);
  ASSERT_THAT(created, IsOk());
  CredentialRotation rotation;
  rotation.dev_key = SecretString::CopyOf("next-dev-key");
  rotation.password = SecretString::CopyOf("next-password");
  EXPECT_THAT(credentials_.Rotate(VersionOf(*created), rotation), IsOk());
  ASSERT_EQ(broker_.rotate_requests().size(), 1U);
  const v1::RotateCredentialRequest sent = broker_.rotate_requests()[0];
  EXPECT_EQ(sent.credential(), "acme-payables-user");
  EXPECT_EQ(sent.dev_key(), "next-dev-key");
  EXPECT_EQ(sent.password(), "next-password");
  EXPECT_FALSE(sent.clear_dev_key());
  EXPECT_FALSE(sent.clear_remember_me());
  EXPECT_FALSE(sent.skip_verification());
}

TEST_F(OperatorClientsTest, RotationRefusesEmptyValues) {
  CredentialRotation no_password;
  no_password.password = SecretString();
  CredentialRotation no_device;
  no_device.device = "";
  for (const auto& [rotation, field] :
       {std::pair(&no_password, "password"), std::pair(&no_device, "device")}) {
    const absl::Status status =
        credentials_.Rotate({"acme-payables-user", "uid", 1}, *rotation).status();
    EXPECT_THAT(status, HasReason(Reason::kMalformedRequest));
    EXPECT_EQ(DetailsOf(status)->metadata.at("field"), field);
  }
  EXPECT_TRUE(broker_.rotate_requests().empty());
}

TEST_F(OperatorClientsTest, RejectsSecretThatIsNotUtf8) {
  NewCredential credential;
  credential.name = "acme-payables-user";
  credential.password = SecretString::CopyOf("caf\xE9");
  const absl::Status status = credentials_.Create(credential).status();
  EXPECT_THAT(status, HasReason(Reason::kMalformedRequest));
  EXPECT_EQ(DetailsOf(status)->metadata.at("field"), "password");
  EXPECT_THAT(broker_.create_requests(), SizeIs(0));
}

TEST_F(OperatorClientsTest, ListReadsEveryPage) {
  for (const char* name : {"a", "b", "c", "d", "e"})
    broker_.AddCredential(name, {"00800000000000000801"});
  const auto credentials = credentials_.List();
  ASSERT_THAT(credentials, IsOk());
  ASSERT_THAT(*credentials, SizeIs(5));
  EXPECT_EQ(credentials->back().name(), "e");
  for (const char* id : {"1", "2", "3"}) {
    v1::SessionEntry entry;
    entry.set_organization_id(id);
    broker_.AddSessionEntry(entry);
  }
  const auto sessions = admin_.ListSessions("");
  ASSERT_THAT(sessions, IsOk());
  EXPECT_THAT(*sessions, SizeIs(3));
}

TEST_F(OperatorClientsTest, ChangesNeedTheCurrentVersion) {
  broker_.AddCredential("acme-payables-user", {"00800000000000000801"});
  const absl::StatusOr<v1::Credential> before = credentials_.Get("acme-payables-user");
  ASSERT_THAT(before, IsOk());
  std::vector<NewOrganization> more;
  more.push_back({"00800000000000000802", {}});
  const absl::StatusOr<v1::Credential> after = credentials_.Attach(VersionOf(*before), more);
  ASSERT_THAT(after, IsOk());
  EXPECT_EQ(after->version(), before->version() + 1);
  EXPECT_THAT(credentials_.Detach(VersionOf(*before), {"00800000000000000801"}),
              HasReason(Reason::kVersionConflict));
  EXPECT_THAT(credentials_.Delete(VersionOf(*before), false), HasReason(Reason::kVersionConflict));
  EXPECT_THAT(credentials_.Delete(VersionOf(*after), false), IsOk());
  EXPECT_THAT(broker_.credential_names(), ElementsAre());
}

TEST_F(OperatorClientsTest, LoginAndLogoutSendOptions) {
  const absl::StatusOr<LoginResult> login =
      admin_.Login("00800000000000000801", {.credential = "acme-payables-user",
                                            .force = true,
                                            .include_dev_key = true,
                                            .include_headers = true});
  ASSERT_THAT(login, IsOk());
  EXPECT_FALSE(login->reused);
  EXPECT_EQ(login->session.dev_key.Reveal(), kDevKeySecret);
  EXPECT_EQ(broker_.login_requests().front().credential(), "acme-payables-user");
  const absl::StatusOr<bool> ended = admin_.Logout(
      "00800000000000000801", {.credential = "acme-payables-user", .if_generation = 9});
  ASSERT_THAT(ended, IsOk());
  EXPECT_TRUE(*ended);
  EXPECT_EQ(broker_.logout_requests().front().if_generation(), 9u);
}

TEST_F(OperatorClientsTest, WatchEndsWhenListenerReturnsFalse) {
  std::vector<std::string> heard;
  const absl::Status status = admin_.WatchSessions(
      {.organizations = {{"00800000000000000801"},
                         {"00800000000000000802"},
                         {"00800000000000000803"}}},
      [&](const WatchedOrganization& which, const absl::StatusOr<ClientSession>& state) {
        EXPECT_THAT(state, IsOk());
        heard.push_back(which.organization_id);
        return heard.size() < 2;
      });
  EXPECT_THAT(status, IsOk());
  EXPECT_EQ(heard, (std::vector<std::string>{"00800000000000000801", "00800000000000000802"}));
}

}  // namespace
}  // namespace billbroker
