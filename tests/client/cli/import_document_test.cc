#include "client/cli/import_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string MessageOf(absl::string_view json) {
  return std::string(ParseImport(json).status().message());
}

TEST(ImportDocumentTest, ReadsEveryMember) {
  const auto parsed = ParseImport(
      R"({"credentials":[{"name":"acme-payables-user","environment":"sandbox","kind":"console","username":"p\u00e4",
          "sync_token":true,"device":"d","dev_key":"s1","password":"s2","console_api_token":"s3",
          "remember_me_id":"s4","organizations":[{"id":"00800000000000000081"},{"id":"00800000000000000082","dev_key":"s5"}]}]})");
  ASSERT_THAT(parsed, IsOk());
  const NewCredential& acme = parsed->front();
  EXPECT_EQ(acme.name, "acme-payables-user");
  EXPECT_EQ(acme.environment, "sandbox");
  EXPECT_EQ(acme.kind, v1::CREDENTIAL_KIND_CONSOLE);
  EXPECT_EQ(acme.username, "p\xC3\xA4");
  EXPECT_TRUE(acme.sync_token);
  EXPECT_EQ(acme.device, "d");
  EXPECT_EQ(acme.dev_key.Reveal(), "s1");
  EXPECT_EQ(acme.password.Reveal(), "s2");
  EXPECT_EQ(acme.console_api_token.Reveal(), "s3");
  EXPECT_EQ(acme.remember_me_id.Reveal(), "s4");
  ASSERT_EQ(acme.organizations.size(), 2U);
  EXPECT_EQ(acme.organizations[1].id, "00800000000000000082");
  EXPECT_EQ(acme.organizations[1].dev_key.Reveal(), "s5");
}

TEST(ImportDocumentTest, ReadsPartner) {
  const auto parsed = ParseImport(
      R"({"credentials":[{"name":"firm","environment":"sandbox","kind":"partner","username":"p",
          "app_key":"s1","organizations":[{"id":"00800000000000000081","user_id":"00600000000000000061"}]}]})");
  ASSERT_THAT(parsed, IsOk());
  EXPECT_EQ(parsed->front().kind, v1::CREDENTIAL_KIND_PARTNER);
  EXPECT_EQ(parsed->front().app_key.Reveal(), "s1");
  EXPECT_EQ(parsed->front().organizations[0].user_id, "00600000000000000061");
}

TEST(ImportDocumentTest, ErrorNamesThePlaceWithoutTheValue) {
  constexpr char kStart[] =
      R"({"credentials":[{"name":"a","environment":"e","kind":"user","username":"u",)";
  const std::pair<std::string, std::string> cases[] = {
      {R"("password":7s3cret}]})", "credentials[0].password"},
      {R"("s3cret":"x"}]})", "credentials[0]"},
      {R"("name":"s3cret"}]})", "credentials[0].name"},
      {R"("organizations":[{"id":"1"},{"dev_key":"s3cret"}]}]})",
       "credentials[0].organizations[1].id"},
      {R"("organizations":[{"id":"1","s3cret":""}]}]})", "credentials[0].organizations[0]"},
      {R"("kind":"s3cret"}]})", "credentials[0].kind"},
      {R"("sync_token":"s3cret"}]})", "credentials[0].sync_token"}};
  for (const auto& [rest, place] : cases) {
    const std::string message = MessageOf(kStart + rest);
    EXPECT_THAT(message, HasSubstr(place)) << rest;
    EXPECT_THAT(message, Not(HasSubstr("s3cret"))) << rest;
  }
}

TEST(ImportDocumentTest, RejectsMalformedDocument) {
  for (const char* document :
       {"", "[]", "{}", R"({"credentials":[{}]})", R"({"credentials":[]} x)"}) {
    EXPECT_THAT(ParseImport(document), StatusIs(absl::StatusCode::kInvalidArgument)) << document;
  }
  EXPECT_THAT(*ParseImport(R"({"credentials":[]})"), IsEmpty());
}

}  // namespace
}  // namespace billbroker
