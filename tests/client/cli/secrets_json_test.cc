#include "client/cli/secrets_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Expects that `json` is rejected and returns the message.
std::string Rejection(absl::string_view json) {
  const absl::StatusOr<SecretsInput> parsed = ParseSecrets(json);
  EXPECT_THAT(parsed, StatusIs(absl::StatusCode::kInvalidArgument)) << json;
  return std::string(parsed.status().message());
}

TEST(SecretsJsonTest, AllKeysAreOptional) {
  EXPECT_THAT(ParseSecrets("{}"), IsOk());
  const absl::StatusOr<SecretsInput> parsed = ParseSecrets(
      R"( {"dev_key": "k", "password": "p\n\u20ac", "console_api_token": "t",
          "app_key": "a", "remember_me_id": "r", "organization_dev_keys": {"00800000000000000801": "a", "00800000000000000802": "b"}} )");
  ASSERT_THAT(parsed, IsOk());
  EXPECT_EQ(parsed->dev_key.Reveal(), "k");
  EXPECT_EQ(parsed->password.Reveal(), "p\n\xE2\x82\xAC");
  EXPECT_EQ(parsed->console_api_token.Reveal(), "t");
  EXPECT_EQ(parsed->app_key.Reveal(), "a");
  EXPECT_EQ(parsed->remember_me_id.Reveal(), "r");
  EXPECT_EQ(parsed->organization_dev_keys.at("00800000000000000802").Reveal(), "b");
}

TEST(SecretsJsonTest, RejectsUnknownMembersWithoutTheirNames) {
  EXPECT_THAT(Rejection(R"({"password": "p", "hunter2": "dev_key"})"), HasSubstr("member 2 "));
  EXPECT_THAT(Rejection(R"({"password": "p", "hunter2": "dev_key"})"), Not(HasSubstr("hunter2")));
}

TEST(SecretsJsonTest, RejectsDuplicateKeys) {
  EXPECT_THAT(Rejection(R"({"password": "a", "password": "hunter2"})"), HasSubstr("member 2 "));
  EXPECT_THAT(Rejection(R"({"organization_dev_keys": {"1": "hunter2", "1": "b"}})"),
              Not(HasSubstr("hunter2")));
  EXPECT_THAT(Rejection(R"({"password": "", "password": "b"})"), HasSubstr("member 2 "));
  EXPECT_THAT(Rejection(R"({"organization_dev_keys": {}, "organization_dev_keys": {}})"),
              HasSubstr("member 2 "));
  EXPECT_THAT(Rejection(R"({"app_key": "a", "organization_dev_keys": {"1": "", "1": "b"}})"),
              HasSubstr("member 2 on standard input is there already"));
}

TEST(SecretsJsonTest, RejectsMalformedInputWithoutQuotingIt) {
  for (const char* broken :
       {"", "hunter2", "[\"hunter2\"]", "{\"password\": hunter2}", "{\"password\": 7}",
        "{\"password\": \"hunter2\"", "{\"password\": \"hunter2\"} x",
        "{\"password\": \"hunter2\",}", "{\"password\": \"\\ud800 hunter2\"}",
        "{\"organization_dev_keys\": \"hunter2\"}", "{\"dev_key\": null}"}) {
    EXPECT_THAT(Rejection(broken), Not(HasSubstr("hunter2"))) << broken;
  }
}

}  // namespace
}  // namespace billbroker
