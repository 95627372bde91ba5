// API partner sign-in: POST /v3/partner/login and login-as-user.
#include <gtest/gtest.h>

#include "tests/simulator/bill_harness.h"
#include "tests/support/status_matchers.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;

constexpr char kPartnerWorld[] = R"({
  "dev_keys": [{"key": "devkey-harness-0001"}, {"key": "devkey-harness-0002"}],
  "app_keys": [{"key": "appkey-harness-0001"}, {"key": "appkey-harness-0002"}, {"key": "appkey-harness-revoked", "active": false}],
  "organizations": [{"id": "00801HARNESSORG000001", "dev_keys": ["devkey-harness-0001"]}, {"id": "00801HARNESSORG000002", "dev_keys": ["devkey-harness-0002"]},
                    {"id": "00801HARNESSORG000003"}, {"id": "00801HARNESSORG000004", "api_enabled": false}],
  "users": [
    {"username": "ann@harness.example", "password": "right-password-harness", "user_id": "00601HARNESSUSER00001", "organizations": ["00801HARNESSORG000001"],
     "mfa": {"trusted_devices": [{"remember_me_id": "remember-me-harness-0001", "device": "device-harness-0001"}]}},
    {"username": "bob@harness.example", "password": "right-password-harness", "user_id": "00601HARNESSUSER00002", "organizations": ["00801HARNESSORG000002", "00801HARNESSORG000003"]},
    {"username": "firm@harness.example", "kind": "partner", "password": "right-password-harness", "user_id": "00601HARNESSUSER00009",
     "app_keys": ["appkey-harness-0001", "appkey-harness-revoked"], "organizations": ["00801HARNESSORG000001", "00801HARNESSORG000002", "00801HARNESSORG000004"]}]
})";

class PartnerTest : public ::testing::Test {
 protected:
  HttpAnswer SignIn(const json& changes = json::object()) {
    json body = {{"appKey", "appkey-harness-0001"},
                 {"username", "firm@harness.example"},
                 {"password", "right-password-harness"}};
    body.update(changes);
    return house_.bill().Handle({"POST", "/v3/partner/login", {}, {}, body.dump()});
  }
  std::string Session() { return BillHarness::BodyOf(SignIn()).value("sessionId", ""); }
  HttpAnswer AsUser(const std::string& session, const json& changes = json::object(),
                    const std::string& app_key = "appkey-harness-0001") {
    json body = {{"userId", "00601HARNESSUSER00001"}, {"organizationId", "00801HARNESSORG000001"}};
    body.update(changes);
    return house_.bill().Handle({"POST",
                                 "/v3/partner/login-as-user",
                                 {{"sessionid", session}, {"appkey", app_key}},
                                 {},
                                 body.dump()});
  }
  void Set(const json& settings) { ASSERT_THAT(house_.bill().ChangeSettings(settings), IsOk()); }

  BillHarness house_{"{}", kPartnerWorld};
};

std::string Outcome(const HttpAnswer& answer) { return BillHarness::Outcome(answer); }

TEST_F(PartnerTest, SignsInAsUsersOfItsOrganizations) {
  const std::string partner = Session();
  const json ann = BillHarness::BodyOf(AsUser(partner));
  EXPECT_EQ(ann["userId"], "00601HARNESSUSER00001");
  EXPECT_EQ(ann["organizationId"], "00801HARNESSORG000001");
  EXPECT_EQ(Outcome(house_.Use(ann["sessionId"], "devkey-harness-0001")), "200");
  const json bob = BillHarness::BodyOf(AsUser(
      partner, {{"userId", "00601HARNESSUSER00002"}, {"organizationId", "00801HARNESSORG000002"}}));
  EXPECT_EQ(Outcome(house_.Use(bob["sessionId"], "devkey-harness-0001")), "401 BDC_1109");
  EXPECT_EQ(Outcome(house_.Use(bob["sessionId"], "devkey-harness-0002")), "200");
  EXPECT_EQ(Outcome(house_.Use(partner, "appkey-harness-0001")), "401 BDC_1109");
}

TEST_F(PartnerTest, TrustedDeviceMakesUserTrusted) {
  const std::string partner = Session();
  EXPECT_EQ(BillHarness::BodyOf(AsUser(partner))["trusted"], false);
  const json device = {{"rememberMeId", "remember-me-harness-0001"},
                       {"device", "device-harness-0001"}};
  EXPECT_EQ(BillHarness::BodyOf(AsUser(partner, device))["trusted"], true);
}

TEST_F(PartnerTest, RefusalsCarrySpecificCodes) {
  EXPECT_EQ(Outcome(SignIn({{"appKey", "appkey-harness-0009"}})), "400 BDC_1102");
  EXPECT_EQ(Outcome(SignIn({{"appKey", "appkey-harness-0002"}})), "400 BDC_1102");
  EXPECT_EQ(Outcome(SignIn({{"appKey", "appkey-harness-revoked"}})), "400 BDC_1103");
  EXPECT_EQ(Outcome(SignIn({{"password", "wrong-password-harness"}})), "400 BDC_1101");
  EXPECT_EQ(Outcome(SignIn({{"username", "ann@harness.example"}})), "400 BDC_1101");
  EXPECT_EQ(Outcome(SignIn({{"unknown", "accepted"}})), "200");
  const std::string partner = Session();
  const auto code = [&](const json& changes) {
    return Outcome(AsUser(partner, changes)).substr(4);
  };
  EXPECT_EQ(code({{"organizationId", "00801HARNESSORG000009"}}), "BDC_1123");
  EXPECT_EQ(code({{"organizationId", "00801HARNESSORG000004"}}), "BDC_1105");
  EXPECT_EQ(code({{"organizationId", "00801HARNESSORG000003"}}), "BDC_1106");
  EXPECT_EQ(code({{"organizationId", "00801HARNESSORG000002"}}), "BDC_1111");
  EXPECT_EQ(code({{"userId", "00601HARNESSUSER00009"}}), "BDC_1111");
  EXPECT_EQ(Outcome(AsUser(partner, json::object(), "appkey-harness-0002")), "401 BDC_1109");
  EXPECT_EQ(Outcome(AsUser("session-harness-nonsense")), "401 BDC_1109");
  const json user = BillHarness::BodyOf(AsUser(partner));
  EXPECT_EQ(Outcome(AsUser(user["sessionId"])), "401 BDC_1109");
}

TEST_F(PartnerTest, PartnerCannotSignInAsUserItself) {
  EXPECT_EQ(Outcome(house_.SignIn({{"devKey", "devkey-harness-0001"},
                                   {"username", "firm@harness.example"},
                                   {"organizationId", "00801HARNESSORG000001"},
                                   {"password", "right-password-harness"}})),
            "400 BDC_1101");
}

TEST_F(PartnerTest, SessionIdlesOutUnlessUsed) {
  const std::string partner = Session();
  house_.clock().Advance(absl::Minutes(34));
  EXPECT_EQ(Outcome(AsUser(partner)), "200");
  house_.clock().Advance(absl::Minutes(34));
  EXPECT_EQ(Outcome(AsUser(partner)), "200");
  house_.clock().Advance(absl::Minutes(35));
  EXPECT_EQ(Outcome(AsUser(partner)), "401 BDC_1109");
}

TEST_F(PartnerTest, TenWrongPasswordsLockPartner) {
  for (int i = 0; i < 10; ++i) (void)SignIn({{"password", "wrong-password-harness"}});
  EXPECT_EQ(Outcome(SignIn()).substr(4), "BDC_1110");
}

TEST_F(PartnerTest, SettingsChooseCountedKey) {
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

TEST_F(PartnerTest, NewSignInEndsOlderSessionIfSet) {
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
  (void)SignIn({{"password", "wrong-password-harness"}});
  const json counts = house_.bill().CountsJson();
  EXPECT_EQ(counts["total"]["sign_ins_succeeded"], 2);
  EXPECT_EQ(counts["total"]["sign_ins_failed"], 1);
  EXPECT_EQ(counts["users"]["firm@harness.example"]["sign_ins_succeeded"], 1);
  EXPECT_EQ(counts["organizations"]["00801HARNESSORG000001"]["sign_ins_succeeded"], 1);
  EXPECT_EQ(counts["dev_keys"]["appkey-harness-0001"]["calls"], 3);
}

TEST_F(PartnerTest, ListsItsOrganizationsAndTheirUsers) {
  HttpCall call{"GET",
                "/v3/partner/organizations",
                {{"sessionid", Session()}, {"appkey", "appkey-harness-0001"}},
                {{"max", "2"}},
                ""};
  const json page = BillHarness::BodyOf(house_.bill().Handle(call));
  ASSERT_EQ(page["results"].size(), 2u);
  EXPECT_EQ(page["results"][0]["id"], "00801HARNESSORG000001");
  EXPECT_EQ(page["results"][0]["archived"], false);
  call.query["page"] = page["nextPage"];
  EXPECT_EQ(BillHarness::BodyOf(house_.bill().Handle(call))["results"].size(), 1u);
  call.path = "/v3/partner/users";
  call.query.clear();
  EXPECT_EQ(Outcome(house_.bill().Handle(call)), "400 BDC_1123");
  call.headers["organizationid"] = "00801HARNESSORG000001";
  const json users = BillHarness::BodyOf(house_.bill().Handle(call))["results"];
  ASSERT_EQ(users.size(), 1u);
  EXPECT_EQ(users[0]["id"], "00601HARNESSUSER00001");
  call.query["max"] = "101";
  EXPECT_EQ(house_.bill().Handle(call).status, 400);
}

TEST_F(PartnerTest, SignsOut) {
  const std::string partner = Session();
  const HttpCall sign_out{
      "POST", "/v3/logout", {{"sessionid", partner}, {"appkey", "appkey-harness-0001"}}, {}, ""};
  EXPECT_EQ(Outcome(house_.bill().Handle(sign_out)), "200");
  EXPECT_EQ(Outcome(AsUser(partner)), "401 BDC_1109");
}

TEST(PartnerDataTest, RefusesUndefinedAppKey) {
  EXPECT_EQ(ParseData(R"({"users": [{"username": "u", "kind": "partner", "password": "p",
                                     "app_keys": ["k"]}]})")
                .status()
                .message(),
            "users[\"u\"].app_keys: \"k\" is not among app_keys; add it there");
}

}  // namespace
}  // namespace billbroker::billsim
