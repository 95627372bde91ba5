#include "client/cli/secrets_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Refusal(absl::string_view json) {
  const absl::StatusOr<SecretsInput> parsed = ParseSecrets(json);
  if (parsed.ok()) return "taken";
  EXPECT_TRUE(absl::IsInvalidArgument(parsed.status()));
  return std::string(parsed.status().message());
}

TEST(SecretsJsonTest, EveryKeyIsOptional) {
  EXPECT_EQ(Refusal("{}"), "taken");
  const absl::StatusOr<SecretsInput> parsed = ParseSecrets(
      R"( {"dev_key": "k", "password": "p\n\u20ac", "console_api_token": "t",
          "app_key": "a", "remember_me_id": "r", "organization_dev_keys": {"00801": "a", "00802": "b"}} )");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->dev_key.Reveal(), "k");
  EXPECT_EQ(parsed->password.Reveal(), "p\n\xE2\x82\xAC");
  EXPECT_EQ(parsed->console_api_token.Reveal(), "t");
  EXPECT_EQ(parsed->app_key.Reveal(), "a");
  EXPECT_EQ(parsed->remember_me_id.Reveal(), "r");
  EXPECT_EQ(parsed->organization_dev_keys.at("00802").Reveal(), "b");
}

TEST(SecretsJsonTest, UnknownMembersAreRefusedByPlaceBecauseTheirNameMayBeASecret) {
  EXPECT_THAT(Refusal(R"({"password": "p", "hunter2": "dev_key"})"), HasSubstr("member 2 "));
  EXPECT_THAT(Refusal(R"({"password": "p", "hunter2": "dev_key"})"), Not(HasSubstr("hunter2")));
}

TEST(SecretsJsonTest, AKeyThatComesTwiceIsRefused) {
  EXPECT_THAT(Refusal(R"({"password": "a", "password": "hunter2"})"),
              HasSubstr("member 2 on standard input is there already"));
  EXPECT_THAT(Refusal(R"({"organization_dev_keys": {"1": "a", "1": "b"}})"),
              HasSubstr("is there already"));
}

TEST(SecretsJsonTest, BrokenInputIsRefusedWithoutRepeatingIt) {
  for (const char* broken :
       {"", "hunter2", "[\"hunter2\"]", "{\"password\": hunter2}", "{\"password\": 7}",
        "{\"password\": \"hunter2\"", "{\"password\": \"hunter2\"} x",
        "{\"password\": \"hunter2\",}", "{\"password\": \"\\ud800 hunter2\"}",
        "{\"organization_dev_keys\": \"hunter2\"}", "{\"dev_key\": null}"}) {
    EXPECT_THAT(Refusal(broken), HasSubstr("not one JSON object of secrets")) << broken;
    EXPECT_THAT(Refusal(broken), Not(HasSubstr("hunter2"))) << broken;
  }
}

}  // namespace
}  // namespace billbroker
