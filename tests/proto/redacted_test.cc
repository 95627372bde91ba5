#include "proto/redacted.h"

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "billbroker/v1/credential.pb.h"
#include "billbroker/v1/mfa.pb.h"
#include "billbroker/v1/options.pb.h"
#include "billbroker/v1/session.pb.h"

namespace billbroker {
namespace {

v1::CreateCredentialRequest Request() {
  v1::CreateCredentialRequest request;
  request.set_credential("acme");
  request.set_dev_key("s3cret-dev-key");
  request.set_password("s3cret-password");
  v1::OrganizationSpec& organization = *request.add_organizations();
  organization.set_organization_id("0081");
  organization.set_dev_key("s3cret-of-0081");
  return request;
}

TEST(RedactedTest, ShowsTheLengthOfSecrets) {
  EXPECT_EQ(
      Redacted(Request()),
      "credential: \"acme\" dev_key: \"<secret of 14 bytes>\" password: \"<secret of 15 bytes>\" "
      "organizations { organization_id: \"0081\" dev_key: \"<secret of 14 bytes>\" }");
}

TEST(RedactedTest, KeepsTheMessage) {
  const v1::CreateCredentialRequest request = Request();
  EXPECT_FALSE(Redacted(request).empty());
  EXPECT_EQ(request.organizations(0).dev_key(), "s3cret-of-0081");
}

v1::GetSessionResponse Response() {
  v1::GetSessionResponse response;
  v1::Session& session = *response.mutable_session();
  session.set_session_id("s3cret-session-id");
  session.set_dev_key("s3cret-dev-key");
  for (const char* name : {"sessionId", "devKey"}) {
    v1::Header& header = *session.add_headers();
    header.set_name(name);
    header.set_value("s3cret-header");
  }
  return response;
}

TEST(RedactedTest, HidesSecretsOfNestedMessages) {
  EXPECT_EQ(Redacted(Response()),
            "session { session_id: \"<secret of 17 bytes>\" dev_key: \"<secret of 14 bytes>\" "
            "headers { name: \"sessionId\" value: \"<secret of 13 bytes>\" } "
            "headers { name: \"devKey\" value: \"<secret of 13 bytes>\" } }");
}

TEST(WipeSecretsTest, ClearsOnlySecrets) {
  v1::CreateCredentialRequest request = Request();
  WipeSecrets(request);
  EXPECT_FALSE(absl::StrContains(request.SerializeAsString(), "s3cret"));
  EXPECT_EQ(request.credential(), "acme");
  EXPECT_EQ(request.organizations(0).organization_id(), "0081");
}

TEST(WipeSecretsTest, ClearsHeaderValues) {
  v1::GetSessionResponse response = Response();
  WipeSecrets(response);
  EXPECT_FALSE(absl::StrContains(response.SerializeAsString(), "s3cret"));
  ASSERT_EQ(response.session().headers_size(), 2);
  EXPECT_EQ(response.session().headers(1).name(), "devKey");
}

void CollectSecretFields(const google::protobuf::Descriptor& message,
                         std::vector<const google::protobuf::FieldDescriptor*>& secrets) {
  for (int i = 0; i < message.field_count(); ++i) {
    if (message.field(i)->options().GetExtension(v1::secret)) secrets.push_back(message.field(i));
  }
  for (int i = 0; i < message.nested_type_count(); ++i) {
    CollectSecretFields(*message.nested_type(i), secrets);
  }
}

std::vector<const google::protobuf::FieldDescriptor*> AllSecretFields() {
  std::vector<const google::protobuf::FieldDescriptor*> secrets;
  for (const auto* file :
       {v1::CreateCredentialRequest::descriptor()->file(), v1::Session::descriptor()->file(),
        v1::CompleteChallengeRequest::descriptor()->file()}) {
    for (int i = 0; i < file->message_type_count(); ++i) {
      CollectSecretFields(*file->message_type(i), secrets);
    }
  }
  return secrets;
}

TEST(SecretFieldsTest, AreSingleStrings) {
  EXPECT_GE(AllSecretFields().size(), 15u);
  for (const auto* field : AllSecretFields()) {
    EXPECT_EQ(field->type(), google::protobuf::FieldDescriptor::TYPE_STRING) << field->full_name();
    EXPECT_FALSE(field->is_repeated()) << field->full_name();
  }
}

TEST(SecretFieldsTest, MarksFieldsNamedLikeSecrets) {
  for (const auto* file :
       {v1::CreateCredentialRequest::descriptor()->file(), v1::Session::descriptor()->file(),
        v1::CompleteChallengeRequest::descriptor()->file()}) {
    for (int i = 0; i < file->message_type_count(); ++i) {
      for (const char* name : {"dev_key", "password", "console_api_token", "app_key",
                               "remember_me_id", "session_id"}) {
        const auto* field = file->message_type(i)->FindFieldByName(name);
        if (field == nullptr) continue;
        EXPECT_TRUE(field->options().GetExtension(v1::secret)) << field->full_name();
      }
    }
  }
}

}  // namespace
}  // namespace billbroker
