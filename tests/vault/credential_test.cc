#include "vault/credential.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/support/sample_credentials.h"
#include "tests/support/status_matchers.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

// Returns the field that ValidateCredential() rejects, or an empty string.
std::string WrongField(const Credential& credential) {
  const absl::Status status = ValidateCredential(credential);
  if (status.ok()) return "";
  const absl::optional<ErrorDetails> details = DetailsOf(status);
  return details.has_value() ? details->metadata.at("field") : status.ToString();
}

std::string WrongFieldAfter(const std::function<void(Credential&)>& change) {
  Credential credential = SampleUser("acme-payables-user");
  change(credential);
  return WrongField(credential);
}

SecretString Secret(std::size_t size) { return SecretString::CopyOf(std::string(size, 'x')); }

TEST(CredentialTest, SamplesAreValid) {
  EXPECT_EQ(WrongField(SampleUser("acme-payables-user")), "");
  EXPECT_EQ(WrongField(SampleConsole("acme-payables-user")), "");
  EXPECT_EQ(WrongField(SamplePartner("acme-payables-user")), "");
}

TEST(CredentialTest, ChecksCredentialNames) {
  for (const char* good : {"a", "0", "acme-payables", "a-"}) {
    EXPECT_THAT(ValidateCredentialName(good), IsOk()) << good;
  }
  for (const std::string& bad : {std::string(), std::string("-a"), std::string("Acme"),
                                 std::string("a b"), std::string("a/b"), std::string(65, 'a')}) {
    EXPECT_THAT(ValidateCredentialName(bad), HasReason(Reason::kMalformedRequest)) << bad;
  }
}

TEST(CredentialTest, ChecksOrganizationIds) {
  for (const char* good : {"00800000000000000081", "aZ_-9"})
    EXPECT_THAT(ValidateOrganizationId(good), IsOk()) << good;
  for (const std::string& bad : {std::string(), std::string("a b"), std::string("a\n"),
                                 std::string("\xc3\xa9"), std::string(65, '0')}) {
    EXPECT_THAT(ValidateOrganizationId(bad), HasReason(Reason::kMalformedRequest)) << bad;
  }
}

TEST(CredentialTest, ErrorNamesTheField) {
  using C = Credential;
  EXPECT_EQ(WrongFieldAfter([](C& c) { c.name = "Acme"; }), "name");
  EXPECT_EQ(WrongFieldAfter([](C& c) { c.environment = ""; }), "environment");
  EXPECT_EQ(WrongFieldAfter([](C& c) { c.username = ""; }), "username");
  EXPECT_EQ(WrongFieldAfter([](C& c) { c.username = "a\nb"; }), "username");
  EXPECT_EQ(WrongFieldAfter([](C& c) { c.username = std::string(257, 'a'); }), "username");
  EXPECT_EQ(WrongFieldAfter([](C& c) { c.dev_key = Secret(257); }), "dev_key");
  EXPECT_EQ(WrongFieldAfter([](C& c) { c.dev_key = SecretString::CopyOf("pasted "); }), "dev_key");
  EXPECT_EQ(WrongFieldAfter([](C& c) { c.password = SecretString(); }), "password");
  EXPECT_EQ(WrongFieldAfter([](C& c) { c.password = Secret(1025); }), "password");
  EXPECT_EQ(WrongFieldAfter([](C& c) { c.console_api_token = Secret(1); }), "console_api_token");
  EXPECT_EQ(WrongFieldAfter([](C& c) { c.remember_me_id = Secret(1025); }), "remember_me_id");
  EXPECT_EQ(WrongFieldAfter([](C& c) { c.device = ""; }), "device");
  EXPECT_EQ(WrongFieldAfter([](C& c) { c.remember_me_id = SecretString(); }), "device");
  EXPECT_EQ(WrongFieldAfter([](C& c) { c.device = std::string(257, 'd'); }), "device");
  EXPECT_EQ(WrongFieldAfter([](C& c) { c.organizations[1].id = "a b"; }),
            "organizations[1].organization_id");
  EXPECT_EQ(WrongFieldAfter([](C& c) { c.organizations[1].id = "00800000000000000081"; }),
            "organizations[1].organization_id");
  EXPECT_EQ(WrongFieldAfter([](C& c) { c.organizations[1].id = "00800000000000000080"; }),
            "organizations");
  EXPECT_EQ(WrongFieldAfter([](C& c) { c.organizations[1].dev_key = Secret(257); }),
            "organizations[1].dev_key");
  EXPECT_EQ(WrongFieldAfter([](C& c) { c.organizations.resize(10'001); }), "organizations");
}

TEST(CredentialTest, ConsoleHasATokenAndNoPassword) {
  Credential console = SampleConsole("acme-payables-user");
  console.sync_token = true;
  EXPECT_EQ(WrongField(console), "sync_token");
  console = SampleConsole("acme-payables-user");
  console.password = Secret(8);
  EXPECT_EQ(WrongField(console), "password");
  console = SampleConsole("acme-payables-user");
  console.console_api_token = SecretString();
  EXPECT_EQ(WrongField(console), "console_api_token");
}

TEST(CredentialTest, PartnerHasAnAppKeyAndUsers) {
  using C = Credential;
  const auto wrong_after = [](const std::function<void(Credential&)>& change) {
    Credential partner = SamplePartner("acme-payables-user");
    change(partner);
    return WrongField(partner);
  };
  EXPECT_EQ(wrong_after([](C& c) { c.app_key = SecretString(); }), "app_key");
  EXPECT_EQ(wrong_after([](C& c) { c.app_key = Secret(257); }), "app_key");
  EXPECT_EQ(wrong_after([](C& c) { c.app_key = SecretString::CopyOf("a\r\nb"); }), "app_key");
  EXPECT_EQ(wrong_after([](C& c) { c.password = SecretString(); }), "password");
  EXPECT_EQ(wrong_after([](C& c) { c.console_api_token = Secret(1); }), "console_api_token");
  EXPECT_EQ(wrong_after([](C& c) { c.sync_token = true; }), "sync_token");
  for (const std::string& id : {std::string(), std::string("006 a"), std::string(65, '0')}) {
    EXPECT_EQ(wrong_after([&id](C& c) { c.organizations[1].user_id = id; }),
              "organizations[1].user_id");
  }
}

TEST(CredentialTest, OnlyPartnersHaveAnAppKeyAndUsers) {
  EXPECT_EQ(WrongFieldAfter([](Credential& c) { c.app_key = Secret(1); }), "app_key");
  EXPECT_EQ(
      WrongFieldAfter([](Credential& c) { c.organizations[0].user_id = "0060000000000000000a"; }),
      "organizations[0].user_id");
}

TEST(CredentialTest, DevKeyMayBeEmptyIfOrganizationsHaveOne) {
  EXPECT_EQ(WrongFieldAfter([](Credential& c) { c.dev_key = SecretString(); }),
            "organizations[0].dev_key");
  EXPECT_EQ(WrongFieldAfter([](Credential& c) {
              c.dev_key = SecretString();
              c.organizations.erase(c.organizations.begin());
            }),
            "");
}

TEST(CredentialTest, OrganizationsDevKeyTakesPrecedence) {
  const Credential user = SampleUser("acme-payables-user");
  EXPECT_EQ(user.DevKeyFor("00800000000000000081").Reveal(), "s3cret-dev-key-of-credential");
  EXPECT_EQ(user.DevKeyFor("00800000000000000082").Reveal(), "s3cret-dev-key-0082");
  EXPECT_EQ(user.FindOrganization("00800000000000000083"), nullptr);
}

TEST(CredentialTest, UserSecretDependsOnTheKind) {
  const Credential user = SampleUser("acme-payables-user");
  const Credential console = SampleConsole("accounting-firm-user");
  EXPECT_EQ(&user.UserSecret(), &user.password);
  const Credential partner = SamplePartner("accounting-firm-user");
  EXPECT_EQ(&console.UserSecret(), &console.console_api_token);
  EXPECT_EQ(&partner.UserSecret(), &partner.password);
}

TEST(CredentialTest, CloneCopiesEverything) {
  for (const Credential& credential :
       {SampleUser("acme-payables-user"), SampleConsole("accounting-firm-user"),
        SamplePartner("accounting-firm-user")}) {
    EXPECT_TRUE(SameCredential(credential.Clone(), credential));
  }
}

}  // namespace
}  // namespace billbroker
