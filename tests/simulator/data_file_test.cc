#include "tests/simulator/data_file.h"

#include <gtest/gtest.h>

#include "nlohmann/json.hpp"
#include "tests/simulator/generated_world.h"
#include "tests/support/status_matchers.h"

namespace billbroker::billsim {
namespace {

std::string ErrorOf(absl::string_view text) {
  return std::string(ParseData(text).status().message());
}

// Returns the error of a file whose one user has a name and `fields`, a JSON object.
std::string ErrorOfUser(absl::string_view fields) {
  nlohmann::json user = nlohmann::json::parse(fields);
  user["username"] = "payables@acme.example";
  return ErrorOf(nlohmann::json{{"users", nlohmann::json::array({user})}}.dump());
}

TEST(DataFileTest, SampleHasUserAndConsoleUser) {
  const absl::StatusOr<Data> data = ParseData(SampleData());
  ASSERT_THAT(data, IsOk());
  EXPECT_EQ(data->world.users.at("payables@acme.example").organizations.size(), 2u);
  const User& console = data->world.users.at("books@accountants.example");
  EXPECT_EQ(console.kind, UserKind::kConsole);
  ASSERT_EQ(console.organizations.size(), 1u);
  EXPECT_EQ(data->world.organizations.at(console.organizations[0]).dev_keys,
            std::vector<std::string>{"devkey-client-0001"});
}

TEST(DataFileTest, ErrorsNamePath) {
  EXPECT_EQ(ErrorOf("{\"users\": ["), "the data file is not JSON: look at byte 12");
  EXPECT_EQ(ErrorOf("[]"), "the document: must be an object");
  EXPECT_EQ(ErrorOf(R"({"users": {}})"), "users: must be an array");
  EXPECT_EQ(ErrorOf(R"({"dev_keys": [{"key": "devkey-acme-0001"},
                {"key": "devkey-acme-0002", "active": 1}]})"),
            "dev_keys[1].active: must be true or false");
  EXPECT_EQ(ErrorOf(R"({"dev_keys": [{"key": "devkey-acme-0001"}, {"key": "devkey-acme-0001"}]})"),
            "dev_keys[1].key: is there twice");
  EXPECT_EQ(ErrorOfUser("{}"), "users[0].password: is required and must not be empty");
  EXPECT_EQ(ErrorOfUser(R"({"kind": "console", "password": "correct-horse-battery"})"),
            "users[0].console_api_token: is required and must not be empty");
  EXPECT_EQ(ErrorOfUser(R"({"kind": "king", "password": "correct-horse-battery"})"),
            "users[0].kind: must be user, console, sync_token or partner");
  EXPECT_EQ(ErrorOfUser(R"({"password": "correct-horse-battery", "mfa":
                {"trusted_devices": [{"remember_me_id": "remember-me-acme-0001"}]}})"),
            "users[0].mfa.trusted_devices[0].device: is required and must not be empty");
  EXPECT_EQ(ErrorOfUser(R"({"password": "correct-horse-battery", "mfa": {"trusted_devices":
                [{"remember_me_id": "remember-me-acme-0001", "device": "device-of-acme-0001",
                  "expires": "soon"}]}})"),
            "users[0].mfa.trusted_devices[0].expires: must be a time such as "
            "\"2031-01-31T00:00:00Z\"");
  EXPECT_EQ(ErrorOf(R"({"settings": {"sliding": 3}})"), "settings.sliding: must be true or false");
  EXPECT_EQ(ErrorOf(R"({"organisations": []})").substr(0, 22), "organisations: is not ");
}

TEST(DataFileTest, RefusesUndefinedNames) {
  EXPECT_EQ(ErrorOf(R"({"organizations": [{"id": "00801ACMEPAYABLES0001",
                "dev_keys": ["devkey-acme-0001"]}]})"),
            "organizations[\"00801ACMEPAYABLES0001\"].dev_keys: \"devkey-acme-0001\" is not among "
            "dev_keys; add it there");
  EXPECT_EQ(ErrorOfUser(R"({"password": "correct-horse-battery",
                "organizations": ["00801ACMEPAYABLES0001"]})"),
            "users[\"payables@acme.example\"].organizations: \"00801ACMEPAYABLES0001\" is not "
            "among organizations; add it there");
}

TEST(DataFileTest, ReadsFaultsAndLatency) {
  const absl::StatusOr<Data> data = ParseData(R"({
    "faults": [{"kind": "http_error", "http_status": 401, "path": "/v3/logout", "count": 3}],
    "latency": {"milliseconds": 5, "organizations": {"00801ACMEPAYABLES0001": 250}}})");
  ASSERT_THAT(data, IsOk());
  ASSERT_EQ(data->faults.size(), 1u);
  EXPECT_EQ(data->faults[0].http_status, 401);
  EXPECT_EQ(data->faults[0].path, "/v3/logout");
  EXPECT_EQ(data->faults[0].count, 3);
  EXPECT_EQ(data->latency, absl::Milliseconds(5));
  EXPECT_EQ(data->organization_latency.at("00801ACMEPAYABLES0001"), absl::Milliseconds(250));
  EXPECT_EQ(ErrorOf(R"({"faults": [{"kind": "reset"}, {"kind": "reset", "path": "v3"}]})"),
            "faults[1].path: must begin with a slash, such as \"/v3/login\"");
  EXPECT_EQ(ErrorOf(R"({"faults": [{"kind": "goaway", "moment": "lunch"}]})"),
            "faults[0].moment: must be one of: request_headers, request_end, answer_headers");
  EXPECT_EQ(ErrorOf(R"({"latency": {"organizations": {"00801ACMEPAYABLES0001": -1}}})"),
            "latency.organizations.00801ACMEPAYABLES0001: must be a whole number from 0 to 600000");
}

TEST(DataFileTest, GeneratesTenThousandOrganizations) {
  const absl::StatusOr<Data> data =
      ParseData(R"({"generate": {"organizations": 10000, "users": 100, "dev_keys": 50}})");
  ASSERT_THAT(data, IsOk());
  EXPECT_EQ(data->world.organizations.size(), 10'000u);
  EXPECT_EQ(data->world.users.size(), 100u);
  EXPECT_EQ(data->world.dev_keys.size(), 50u);
  const User& user = data->world.users.at("user-000099@example.com");
  EXPECT_EQ(user.secret, "secret-000099");
  EXPECT_EQ(user.user_id, "00600000000000000099");
  EXPECT_EQ(user.organizations.size(), 100u);
  for (const std::string& id : user.organizations) {
    EXPECT_EQ(data->world.organizations.at(id).dev_keys, std::vector<std::string>{"devkey-000049"});
  }
}

TEST(DataFileTest, GeneratesDevKeyPerConsoleClient) {
  World world;
  GenerateWorld({4, 1, 4, UserKind::kConsole}, world);
  EXPECT_EQ(world.users.at(GeneratedUsername(0)).kind, UserKind::kConsole);
  EXPECT_EQ(world.organizations.at(GeneratedOrganizationId(3)).dev_keys,
            std::vector<std::string>{GeneratedDevKey(3)});
  EXPECT_EQ(ErrorOf(R"({"generate": {"users": 0}})"),
            "generate.users: must be a whole number from 1 to 1000000");
}

}  // namespace
}  // namespace billbroker::billsim
