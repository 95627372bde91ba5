// An API partner on real parts: the keyring, the simulated BILL, the built binaries.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/house.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kOrganizations = 20;
constexpr char kPartner[] = "api@firm.example";
constexpr char kPassword[] = "partner-s3cret";
constexpr char kNewPassword[] = "partner-s3cret-next";
constexpr char kAppKey[] = "app-key-s3cret";

std::string Id(int n) { return absl::StrFormat("0080%02d", n); }
std::string UserId(int n) { return absl::StrFormat("0060%02d", n); }
std::string DevKey(int n) { return absl::StrCat("devkey-", n % 2); }

// Twenty organizations of two devKeys, each with a user of its own.
House::Options PartnersHouse() {
  nlohmann::json data = {{"dev_keys", {{{"key", DevKey(0)}}, {{"key", DevKey(1)}}}},
                         {"app_keys", {{{"key", kAppKey}}}},
                         {"organizations", nlohmann::json::array()},
                         {"users", nlohmann::json::array()}};
  nlohmann::json partner = {{"username", kPartner},
                            {"kind", "partner"},
                            {"password", kPassword},
                            {"app_keys", {kAppKey}},
                            {"organizations", nlohmann::json::array()}};
  for (int n = 0; n < kOrganizations; ++n) {
    data["organizations"].push_back({{"id", Id(n)}, {"dev_keys", {DevKey(n)}}});
    data["users"].push_back({{"username", absl::StrCat("user-", n)},
                             {"password", "unknown-to-the-partner"},
                             {"user_id", UserId(n)},
                             {"organizations", {Id(n)}}});
    partner["organizations"].push_back(Id(n));
  }
  data["users"].push_back(partner);
  House::Options options;
  options.data = data.dump();
  return options;
}

class PartnerE2eTest : public ::testing::Test {
 protected:
  PartnerE2eTest() {
    house.StartBroker();
    std::vector<std::string> command = {
        "credential", "create",  "firm",       "--environment", "sandbox",
        "--kind",     "partner", "--username", kPartner,        "--secrets-from-stdin"};
    nlohmann::json secrets = {
        {"password", kPassword}, {"app_key", kAppKey}, {"dev_key", DevKey(0)}};
    for (int n = 0; n < kOrganizations; ++n) {
      command.insert(command.end(), {"--organization", absl::StrCat(Id(n), "=", UserId(n))});
      if (n % 2 == 1) secrets["organization_dev_keys"][Id(n)] = DevKey(n);
    }
    const House::Output created = house.Cli(command, secrets.dump());
    EXPECT_EQ(created.exit_code, 0) << created.text;
    EXPECT_THAT(created.text, HasSubstr("partner"));
    EXPECT_THAT(created.text, HasSubstr(UserId(19)));
    EXPECT_THAT(created.text, Not(HasSubstr("s3cret")));
  }

  // How many of the organizations have a session that works at BILL.
  int Working() {
    std::vector<std::string> ids;
    for (int n = 0; n < kOrganizations; ++n) ids.push_back(Id(n));
    GetSessionOptions with_key;
    with_key.include_dev_key = true;
    int working = 0;
    for (const std::string& id : ids) {
      const auto session = house.sessions().GetSession(id, with_key);
      EXPECT_TRUE(session.ok()) << session.status();
      if (session.ok() && house.UseAtBill(*session) == 200) ++working;
    }
    return working;
  }
  // Of login-as-user.
  int UsersSignIns() {
    const nlohmann::json paths = house.bill().model().CountsJson()["paths"];
    return paths.value("/v3/partner/login-as-user", 0);
  }
  int PartnerSignIns() { return house.SignIns(kPartner); }

  House house{PartnersHouse()};
};

TEST_F(PartnerE2eTest, TwentyOrganizationsCostOneSignInOfThePartner) {
  EXPECT_EQ(Working(), kOrganizations);
  EXPECT_EQ(PartnerSignIns(), 1);
  EXPECT_EQ(UsersSignIns(), kOrganizations);
  EXPECT_EQ(Working(), kOrganizations);
  EXPECT_EQ(UsersSignIns(), kOrganizations);
  EXPECT_THAT(house.Log(), Not(HasSubstr("s3cret")));
}

TEST_F(PartnerE2eTest, WhatIdledOutAtBillIsRenewedByOneSignIn) {
  EXPECT_EQ(Working(), kOrganizations);
  house.bill().clock().Advance(absl::Minutes(36));  // the broker's clock stays: BILL knows better
  for (int n = 0; n < kOrganizations; ++n) {
    const auto dead = house.sessions().GetSession(Id(n));
    ASSERT_TRUE(dead.ok()) << dead.status();
    GetSessionOptions report;
    report.stale_generation = dead->generation;
    const auto renewed = house.sessions().GetSession(Id(n), report);
    EXPECT_TRUE(renewed.ok()) << renewed.status();
  }
  EXPECT_EQ(Working(), kOrganizations);
  EXPECT_EQ(PartnerSignIns(), 2);
}

TEST_F(PartnerE2eTest, ItsPasswordIsRotatedWithoutALiveSessionLost) {
  EXPECT_EQ(Working(), kOrganizations);
  ASSERT_EQ(house.bill().model().ChangeUser(kPartner, {{"password", kNewPassword}}),
            absl::OkStatus());
  const House::Output wrong =
      house.Cli({"credential", "rotate", "firm", "--secrets-from-stdin"}, R"({"password": "no"})");
  EXPECT_EQ(wrong.exit_code, 5) << wrong.text;
  EXPECT_THAT(wrong.text, HasSubstr("BDC_1101"));
  EXPECT_EQ(PartnerSignIns(), 2);

  const House::Output rotated = house.Cli({"credential", "rotate", "firm", "--secrets-from-stdin"},
                                          nlohmann::json({{"password", kNewPassword}}).dump());
  EXPECT_EQ(rotated.exit_code, 0) << rotated.text;
  EXPECT_EQ(PartnerSignIns(), 3);
  EXPECT_EQ(Working(), kOrganizations);
  EXPECT_EQ(UsersSignIns(), kOrganizations + 1) << "the proof, and nobody else";
  EXPECT_EQ(house.Cli({"session", "login", Id(3), "--force"}).exit_code, 0);
  EXPECT_EQ(PartnerSignIns(), 3) << "what proved it is in use";
  EXPECT_THAT(house.Log(), Not(HasSubstr("s3cret")));
}

TEST_F(PartnerE2eTest, ARestartKeepsTheSessionsAndSignsThePartnerInWhereOneIsNeeded) {
  EXPECT_EQ(Working(), kOrganizations);
  EXPECT_EQ(house.StopBroker(), 0);
  house.StartBroker();
  // The client may have to find out first that its connection is gone.
  EXPECT_TRUE(Eventually([&] { return house.sessions().GetSession(Id(0)).ok(); }));
  EXPECT_EQ(Working(), kOrganizations);
  EXPECT_EQ(PartnerSignIns(), 1);
  EXPECT_EQ(house.Cli({"session", "login", Id(3), "--force"}).exit_code, 0);
  EXPECT_EQ(PartnerSignIns(), 2);
}

}  // namespace
}  // namespace billbroker
