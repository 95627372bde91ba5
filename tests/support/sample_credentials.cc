#include "tests/support/sample_credentials.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "vault/document.h"

namespace billbroker {
namespace {

Credential Sample(absl::string_view name, CredentialKind kind) {
  Credential credential;
  credential.name = std::string(name);
  credential.uid = absl::StrCat("uid-of-credential-", name);
  credential.environment = "sandbox";
  credential.kind = kind;
  credential.username = absl::StrCat(name, "@acme.example");
  credential.create_time = absl::FromUnixMillis(1'772'366'400'123);
  credential.update_time = credential.create_time + absl::Hours(20);
  return credential;
}

}  // namespace

Credential SampleUser(absl::string_view name) {
  Credential credential = Sample(name, CredentialKind::kUser);
  credential.dev_key = SecretString::CopyOf("s3cret-dev-key-of-credential");
  // A document must preserve quotes, white space and non-ASCII letters.
  credential.password = SecretString::CopyOf("s3cret \"p\\ss\"word \xc3\xa9\xf0\x9f\x94\x91\t\r\n");
  credential.remember_me_id = SecretString::CopyOf("s3cret-remember-me");
  credential.device = "billbroker";
  credential.organizations.push_back({kFirstOrganization, SecretString()});
  credential.organizations.push_back(
      {kSecondOrganization, SecretString::CopyOf("s3cret-dev-key-0082")});
  return credential;
}

void AddRotations(Credential& user) {
  user.version = 4;
  user.remember_me_time = user.create_time;
  CredentialChange next;
  next.username = "new@acme.example";
  next.dev_key = SecretString::CopyOf("s3cret-next-dev-key");
  next.password = SecretString::CopyOf("s3cret-next \"password\"");
  next.remember_me_id = SecretString();
  next.device = "";
  next.organizations.push_back({kFirstOrganization, SecretString::CopyOf("s3cret-next-0081")});
  next.organizations.push_back({kSecondOrganization, SecretString()});
  user.staged = StagedRotation{"staged-uid",
                               PastChangeKind::kRolledBack,
                               std::move(next),
                               kFirstOrganization,
                               true,
                               "unix:ops",
                               user.update_time};
  CredentialChange before;
  before.password = SecretString::CopyOf("s3cret-before");
  user.history.push_back(PastChange{4,
                                    PastChangeKind::kRotated,
                                    "unix:ops",
                                    user.update_time,
                                    {"password"},
                                    "",
                                    false,
                                    std::move(before)});
  user.history.push_back(PastChange{3,
                                    PastChangeKind::kRefused,
                                    "unix:ops",
                                    user.update_time,
                                    {"password"},
                                    "BDC_1101",
                                    false,
                                    absl::nullopt});
  user.history.push_back(PastChange{3,
                                    PastChangeKind::kRolledBack,
                                    "unix:root",
                                    user.create_time,
                                    {"dev_key", "organizations"},
                                    "",
                                    true,
                                    absl::nullopt});
  CredentialChange renewed;
  renewed.remember_me_id = SecretString::CopyOf("s3cret-older-remember-me");
  renewed.remember_me_time = user.create_time - absl::Hours(1);
  user.history.push_back(PastChange{2,
                                    PastChangeKind::kMfaRenewed,
                                    "unix:root",
                                    user.create_time,
                                    {"remember_me_id", "device"},
                                    "",
                                    false,
                                    std::move(renewed)});
}

Credential SampleConsole(absl::string_view name) {
  Credential credential = Sample(name, CredentialKind::kConsole);
  credential.console_api_token = SecretString::CopyOf("s3cret-console-token");
  credential.organizations.push_back(
      {"00800000000000000090", SecretString::CopyOf("s3cret-dev-key-0090")});
  return credential;
}

Credential SamplePartner(absl::string_view name) {
  Credential credential = Sample(name, CredentialKind::kPartner);
  credential.password = SecretString::CopyOf("s3cret-partner-password");
  credential.app_key = SecretString::CopyOf("s3cret-app-key");
  credential.dev_key = SecretString::CopyOf("s3cret-partner-dev-key");
  credential.organizations.push_back(
      {"00800000000000000095", SecretString(), "0060000000000000000a"});
  credential.organizations.push_back({"00800000000000000096",
                                      SecretString::CopyOf("s3cret-dev-key-0096"),
                                      "0060000000000000000b"});
  return credential;
}

bool SameCredential(const Credential& a, const Credential& b) {
  return WriteDocument(a) == WriteDocument(b);
}

}  // namespace billbroker
