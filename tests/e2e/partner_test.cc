// An API partner with the built binaries, a real keyring and the simulated BILL.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/test_environment.h"
#include "tests/support/await.h"
#include "tests/support/status_matchers.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kOrganizations = 20;
constexpr char kFirm[] = "accounting-firm-partner";
constexpr char kPartner[] = "api@firm.example";
constexpr char kPassword[] = "partner-password-s3cret";
constexpr char kNewPartnerPassword[] = "partner-next-password-s3cret";
constexpr char kAppKey[] = "partner-app-key-s3cret";

std::string Id(int n) { return absl::StrFormat("00801PARTNERORG%04d", n); }
std::string UserId(int n) { return absl::StrFormat("00601PARTNERUSER%04d", n); }
std::string PartnerDevKey(int n) { return absl::StrCat("devkey-of-partner-", n % 2); }

// Returns options with twenty organizations, each with its own user, and two devKeys.
TestEnvironment::Options PartnerOptions() {
  nlohmann::json data = {{"dev_keys", {{{"key", PartnerDevKey(0)}}, {{"key", PartnerDevKey(1)}}}},
                         {"app_keys", {{{"key", kAppKey}}}},
                         {"organizations", nlohmann::json::array()},
                         {"users", nlohmann::json::array()}};
  nlohmann::json partner = {{"username", kPartner},
                            {"kind", "partner"},
                            {"password", kPassword},
                            {"app_keys", {kAppKey}},
                            {"organizations", nlohmann::json::array()}};
  for (int n = 0; n < kOrganizations; ++n) {
    data["organizations"].push_back({{"id", Id(n)}, {"dev_keys", {PartnerDevKey(n)}}});
    data["users"].push_back({{"username", absl::StrCat("partner-client-user-", n)},
                             {"password", "unknown-to-the-partner"},
                             {"user_id", UserId(n)},
                             {"organizations", {Id(n)}}});
    partner["organizations"].push_back(Id(n));
  }
  data["users"].push_back(partner);
  TestEnvironment::Options options;
  options.data = data.dump();
  return options;
}

class PartnerE2eTest : public ::testing::Test {
 protected:
  PartnerE2eTest() {
    env.StartBroker();
    std::vector<std::string> command = {
        "credential", "create",  kFirm,        "--environment", "sandbox",
        "--kind",     "partner", "--username", kPartner,        "--secrets-from-stdin"};
    nlohmann::json secrets = {
        {"password", kPassword}, {"app_key", kAppKey}, {"dev_key", PartnerDevKey(0)}};
    for (int n = 0; n < kOrganizations; ++n) {
      command.insert(command.end(), {"--organization", absl::StrCat(Id(n), "=", UserId(n))});
      if (n % 2 == 1) secrets["organization_dev_keys"][Id(n)] = PartnerDevKey(n);
    }
    const TestEnvironment::Output created = env.Cli(command, secrets.dump());
    EXPECT_EQ(created.exit_code, 0) << created.text;
    EXPECT_THAT(created.text, HasSubstr("partner"));
    EXPECT_THAT(created.text, HasSubstr(UserId(19)));
    EXPECT_THAT(created.text, Not(HasSubstr("s3cret")));
  }

  // Returns how many organizations have a session that works at BILL.
  int Working() {
    std::vector<std::string> ids;
    for (int n = 0; n < kOrganizations; ++n) ids.push_back(Id(n));
    GetSessionOptions with_key;
    with_key.include_dev_key = true;
    int working = 0;
    for (const std::string& id : ids) {
      const auto session = env.sessions().GetSession(id, with_key);
      EXPECT_THAT(session, IsOk());
      if (session.ok() && env.UseAtBill(*session) == 200) ++working;
    }
    return working;
  }
  // Returns the number of calls of login-as-user.
  int UsersSignIns() {
    const nlohmann::json paths = env.bill().model().CountsJson()["paths"];
    return paths.value("/v3/partner/login-as-user", 0);
  }
  int PartnerSignIns() { return env.SignIns(kPartner); }

  TestEnvironment env{PartnerOptions()};
};

TEST_F(PartnerE2eTest, OrganizationsShareOnePartnerSignIn) {
  EXPECT_EQ(Working(), kOrganizations);
  EXPECT_EQ(PartnerSignIns(), 1);
  EXPECT_EQ(UsersSignIns(), kOrganizations);
  EXPECT_EQ(Working(), kOrganizations);
  EXPECT_EQ(UsersSignIns(), kOrganizations);
  EXPECT_THAT(env.Log(), Not(HasSubstr("s3cret")));
}

TEST_F(PartnerE2eTest, OnePartnerSignInRenewsIdleSessions) {
  EXPECT_EQ(Working(), kOrganizations);
  env.bill().clock().Advance(absl::Minutes(36));  // at BILL only
  for (int n = 0; n < kOrganizations; ++n) {
    const auto dead = env.sessions().GetSession(Id(n));
    ASSERT_THAT(dead, IsOk());
    GetSessionOptions report;
    report.stale_generation = dead->generation;
    const auto renewed = env.sessions().GetSession(Id(n), report);
    EXPECT_THAT(renewed, IsOk());
  }
  EXPECT_EQ(Working(), kOrganizations);
  EXPECT_EQ(PartnerSignIns(), 2);
}

TEST_F(PartnerE2eTest, RotationKeepsLiveSessions) {
  EXPECT_EQ(Working(), kOrganizations);
  ASSERT_THAT(env.bill().model().ChangeUser(kPartner, {{"password", kNewPartnerPassword}}), IsOk());
  const TestEnvironment::Output wrong =
      env.Cli({"--output", "json", "credential", "rotate", kFirm, "--secrets-from-stdin"},
              R"({"password": "no"})");
  EXPECT_EQ(wrong.exit_code, 5) << wrong.text;
  EXPECT_EQ(wrong.Json()["error"]["metadata"]["bill_code"], "BDC_1101");
  EXPECT_EQ(PartnerSignIns(), 2);

  const TestEnvironment::Output rotated =
      env.Cli({"credential", "rotate", kFirm, "--secrets-from-stdin"},
              nlohmann::json({{"password", kNewPartnerPassword}}).dump());
  EXPECT_EQ(rotated.exit_code, 0) << rotated.text;
  EXPECT_EQ(PartnerSignIns(), 3);
  EXPECT_EQ(Working(), kOrganizations);
  EXPECT_EQ(UsersSignIns(), kOrganizations + 1) << "the proof only";
  EXPECT_EQ(env.Cli({"session", "login", Id(3), "--force"}).exit_code, 0);
  EXPECT_EQ(PartnerSignIns(), 3) << "the sign-in of the proof is used";
  EXPECT_THAT(env.Log(), Not(HasSubstr("s3cret")));
}

TEST_F(PartnerE2eTest, RestartKeepsTheSessions) {
  EXPECT_EQ(Working(), kOrganizations);
  EXPECT_EQ(env.StopBroker(), 0);
  env.StartBroker();
  // The client has to replace its connection to the previous broker.
  Await([&] { return env.sessions().GetSession(Id(0)).ok(); }, "a session after the restart");
  EXPECT_EQ(Working(), kOrganizations);
  EXPECT_EQ(PartnerSignIns(), 1);
  EXPECT_EQ(env.Cli({"session", "login", Id(3), "--force"}).exit_code, 0);
  EXPECT_EQ(PartnerSignIns(), 2);
}

}  // namespace
}  // namespace billbroker
