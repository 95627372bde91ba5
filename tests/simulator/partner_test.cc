// API partner sign-in: POST /v3/partner/login and login-as-user.
#include <gtest/gtest.h>

#include "tests/simulator/bill_harness.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;

constexpr char kPartnerWorld[] = R"({
  "dev_keys": [{"key": "dk-1"}, {"key": "dk-2"}],
  "app_keys": [{"key": "ak-1"}, {"key": "ak-2"}, {"key": "ak-revoked", "active": false}],
  "organizations": [{"id": "0081", "dev_keys": ["dk-1"]}, {"id": "0082", "dev_keys": ["dk-2"]},
                    {"id": "0083"}, {"id": "0084", "api_enabled": false}],
  "users": [
    {"username": "ann", "password": "right", "user_id": "0061", "organizations": ["0081"],
     "mfa": {"trusted_devices": [{"remember_me_id": "rm-1", "device": "dev-1"}]}},
    {"username": "bob", "password": "right", "user_id": "0062", "organizations": ["0082", "0083"]},
    {"username": "firm", "kind": "partner", "password": "right", "user_id": "0069",
     "app_keys": ["ak-1", "ak-revoked"], "organizations": ["0081", "0082", "0084"]}]
})";

class PartnerTest : public ::testing::Test {
 protected:
  HttpAnswer SignIn(const json& changes = json::object()) {
    json body = {{"appKey", "ak-1"}, {"username", "firm"}, {"password", "right"}};
    body.update(changes);
    return house_.bill().Handle({"POST", "/v3/partner/login", {}, {}, body.dump()});
  }
  std::string Session() { return BillHarness::BodyOf(SignIn()).value("sessionId", ""); }
  HttpAnswer AsUser(const std::string& session, const json& changes = json::object(),
                    const std::string& app_key = "ak-1") {
    json body = {{"userId", "0061"}, {"organizationId", "0081"}};
    body.update(changes);
    return house_.bill().Handle({"POST",
                                 "/v3/partner/login-as-user",
                                 {{"sessionid", session}, {"appkey", app_key}},
                                 {},
                                 body.dump()});
  }
  void Set(const json& settings) { ASSERT_TRUE(house_.bill().ChangeSettings(settings).ok()); }

  BillHarness house_{"{}", kPartnerWorld};
};

std::string Outcome(const HttpAnswer& answer) { return BillHarness::Outcome(answer); }

TEST_F(PartnerTest, SignsInAndThenAsUsersOfItsOrganizations) {
  const std::string partner = Session();
  const json ann = BillHarness::BodyOf(AsUser(partner));
  EXPECT_EQ(ann["userId"], "0061");
  EXPECT_EQ(ann["organizationId"], "0081");
  EXPECT_EQ(Outcome(house_.Use(ann["sessionId"], "dk-1")), "200");
  const json bob =
      BillHarness::BodyOf(AsUser(partner, {{"userId", "0062"}, {"organizationId", "0082"}}));
  EXPECT_EQ(Outcome(house_.Use(bob["sessionId"], "dk-1")), "401 BDC_1109");
  EXPECT_EQ(Outcome(house_.Use(bob["sessionId"], "dk-2")), "200");
  EXPECT_EQ(Outcome(house_.Use(partner, "ak-1")), "401 BDC_1109");
}

TEST_F(PartnerTest, AUserOfATrustedDeviceIsTrusted) {
  const std::string partner = Session();
  EXPECT_EQ(BillHarness::BodyOf(AsUser(partner))["trusted"], false);
  const json device = {{"rememberMeId", "rm-1"}, {"device", "dev-1"}};
  EXPECT_EQ(BillHarness::BodyOf(AsUser(partner, device))["trusted"], true);
}

TEST_F(PartnerTest, RefusalsSayWhatIsWrong) {
  EXPECT_EQ(Outcome(SignIn({{"appKey", "ak-9"}})), "400 BDC_1102");
  EXPECT_EQ(Outcome(SignIn({{"appKey", "ak-2"}})), "400 BDC_1102");
  EXPECT_EQ(Outcome(SignIn({{"appKey", "ak-revoked"}})), "400 BDC_1103");
  EXPECT_EQ(Outcome(SignIn({{"password", "wrong"}})), "400 BDC_1101");
  EXPECT_EQ(Outcome(SignIn({{"username", "ann"}})), "400 BDC_1101");
  EXPECT_NE(Outcome(SignIn({{"devKey", "dk-1"}})), "200");
  const std::string partner = Session();
  const auto code = [&](const json& changes) {
    return Outcome(AsUser(partner, changes)).substr(4);
  };
  EXPECT_EQ(code({{"organizationId", "0089"}}), "BDC_1123");
  EXPECT_EQ(code({{"organizationId", "0084"}}), "BDC_1105");
  EXPECT_EQ(code({{"organizationId", "0083"}}), "BDC_1106");
  EXPECT_EQ(code({{"organizationId", "0082"}}), "BDC_1111");
  EXPECT_EQ(code({{"userId", "0069"}}), "BDC_1111");
  EXPECT_EQ(Outcome(AsUser(partner, json::object(), "ak-2")), "401 BDC_1109");
  EXPECT_EQ(Outcome(AsUser("nonsense")), "401 BDC_1109");
  const json user = BillHarness::BodyOf(AsUser(partner));
  EXPECT_EQ(Outcome(AsUser(user["sessionId"])), "401 BDC_1109");
}

TEST_F(PartnerTest, APartnerIsNoUserThatLogsIn) {
  EXPECT_EQ(Outcome(house_.SignIn({{"devKey", "dk-1"},
                                   {"username", "firm"},
                                   {"organizationId", "0081"},
                                   {"password", "right"}})),
            "400 BDC_1101");
}

TEST_F(PartnerTest, ItsSessionIdlesOutUnlessItIsUsed) {
  const std::string partner = Session();
  house_.clock().Advance(absl::Minutes(34));
  EXPECT_EQ(Outcome(AsUser(partner)), "200");
  house_.clock().Advance(absl::Minutes(34));
  EXPECT_EQ(Outcome(AsUser(partner)), "200");
  house_.clock().Advance(absl::Minutes(35));
  EXPECT_EQ(Outcome(AsUser(partner)), "401 BDC_1109");
}

TEST_F(PartnerTest, TenWrongPasswordsLockThePartner) {
  for (int i = 0; i < 10; ++i) (void)SignIn({{"password", "wrong"}});
  EXPECT_EQ(Outcome(SignIn()).substr(4), "BDC_1110");
}

TEST_F(PartnerTest, WhatCountsForWhomIsASetting) {
  Set({{"sign_ins_per_hour", 2}});
  const std::string partner = Session();
  EXPECT_EQ(Outcome(SignIn()), "200");
  EXPECT_EQ(Outcome(SignIn()).substr(4), "BDC_1144");
  EXPECT_EQ(Outcome(AsUser(partner)), "200");
  EXPECT_EQ(Outcome(AsUser(partner)), "200");
  EXPECT_EQ(Outcome(AsUser(partner)).substr(4), "BDC_1144");
  Set({{"partner_sign_ins_use_window", false}, {"sign_in_as_user_counts_for", "none"}});
  EXPECT_EQ(Outcome(AsUser(partner)), "200");
  Set({{"sign_in_as_user_counts_for", "app_key"}});
  EXPECT_EQ(Outcome(AsUser(partner)).substr(4), "BDC_1144");
}

TEST_F(PartnerTest, ANewSignInMayEndTheOlderSession) {
  const std::string first = Session();
  (void)Session();
  EXPECT_EQ(Outcome(AsUser(first)), "200");
  Set({{"new_partner_sign_in_ends_old", true}});
  (void)Session();
  EXPECT_EQ(Outcome(AsUser(first)), "401 BDC_1109");
}

TEST_F(PartnerTest, BothCallsAreCountedAsSignIns) {
  const std::string partner = Session();
  (void)AsUser(partner);
  (void)SignIn({{"password", "wrong"}});
  const json counts = house_.bill().CountsJson();
  EXPECT_EQ(counts["total"]["sign_ins_succeeded"], 2);
  EXPECT_EQ(counts["total"]["sign_ins_failed"], 1);
  EXPECT_EQ(counts["users"]["firm"]["sign_ins_succeeded"], 1);
  EXPECT_EQ(counts["organizations"]["0081"]["sign_ins_succeeded"], 1);
  EXPECT_EQ(counts["dev_keys"]["ak-1"]["calls"], 3);
}

TEST(PartnerDataTest, AnAppKeyThatIsNotDefinedIsRefused) {
  EXPECT_EQ(ParseData(R"({"users": [{"username": "u", "kind": "partner", "password": "p",
                                     "app_keys": ["k"]}]})")
                .status()
                .message(),
            "users[\"u\"].app_keys: \"k\" is not among app_keys; add it there");
}

}  // namespace
}  // namespace billbroker::billsim
