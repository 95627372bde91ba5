// The lifetime of sessions, and the calls that they allow.
#include <gtest/gtest.h>

#include <utility>

#include "tests/simulator/bill_harness.h"
#include "tests/support/status_matchers.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;

constexpr absl::Duration kAlmost = absl::Minutes(34);

std::string OutcomeAfter(BillHarness& harness, absl::Duration time, const std::string& session) {
  harness.clock().Advance(time);
  return BillHarness::Outcome(harness.Use(session));
}

TEST(SessionTest, ReadsItsOrganization) {
  BillHarness harness;
  const json body = BillHarness::BodyOf(harness.Use(harness.Session()));
  EXPECT_EQ(body["id"], "00801HARNESSORG000001");
  EXPECT_EQ(body["name"], "One");
}

TEST(SessionTest, EndsAfterThirtyFiveIdleMinutes) {
  BillHarness harness;
  const std::string session = harness.Session();
  EXPECT_EQ(OutcomeAfter(harness, absl::Minutes(35), session), "401 BDC_1109");
}

TEST(SessionTest, UseKeepsItAlive) {
  BillHarness harness;
  const std::string session = harness.Session();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(OutcomeAfter(harness, kAlmost, session), "200");
}

TEST(SessionTest, UseDoesNotExtendWithoutSliding) {
  BillHarness harness(R"({"sliding": false})");
  const std::string session = harness.Session();
  EXPECT_EQ(OutcomeAfter(harness, kAlmost, session), "200");
  EXPECT_EQ(OutcomeAfter(harness, absl::Minutes(1), session), "401 BDC_1109");
}

TEST(SessionTest, SessionInfoIsUseUnlessDisabled) {
  BillHarness slides;
  BillHarness stays(R"({"session_info_slides": false})");
  for (BillHarness* harness : {&slides, &stays}) {
    const std::string session = harness->Session();
    harness->clock().Advance(kAlmost);
    EXPECT_EQ(harness->Get(session, "/v3/login/session").status, 200);
    EXPECT_EQ(OutcomeAfter(*harness, kAlmost, session),
              harness == &slides ? "200" : "401 BDC_1109");
  }
}

TEST(SessionTest, FailingCallIsNotUseUnlessEnabled) {
  BillHarness stays;
  BillHarness slides(R"({"failing_calls_slide": true})");
  for (BillHarness* harness : {&slides, &stays}) {
    const std::string session = harness->Session();
    harness->clock().Advance(kAlmost);
    EXPECT_EQ(BillHarness::Outcome(harness->Post(session, "/v3/payments")), "403 BDC_1361");
    EXPECT_EQ(OutcomeAfter(*harness, kAlmost, session),
              harness == &slides ? "200" : "401 BDC_1109");
  }
}

TEST(SessionTest, EndsAtMaxAgeIfSet) {
  BillHarness harness(R"({"max_session_age_seconds": 3600})");
  const std::string session = harness.Session();
  EXPECT_EQ(OutcomeAfter(harness, absl::Minutes(30), session), "200");
  EXPECT_EQ(OutcomeAfter(harness, absl::Minutes(29), session), "200");
  EXPECT_EQ(OutcomeAfter(harness, absl::Minutes(1), session), "401 BDC_1109");
}

TEST(SessionTest, SyncTokenSessionIdlesFortyEightHours) {
  BillHarness harness;
  json request = AnnsSignIn();
  request["username"] = "sync-token-harness";
  request["password"] = "sync-token-value-harness";
  const std::string session = harness.Session(request);
  EXPECT_EQ(OutcomeAfter(harness, absl::Hours(47), session), "200");
  EXPECT_EQ(OutcomeAfter(harness, absl::Hours(48), session), "401 BDC_1109");
}

TEST(SessionTest, IgnoresJumpOfCallersWallClock) {
  BillHarness harness;
  const std::string session = harness.Session();
  harness.clock().JumpWall(absl::Hours(5));
  EXPECT_EQ(harness.Use(session).status, 200);
}

TEST(SessionTest, WorksOnlyWithDevKeyThatMadeIt) {
  BillHarness bound;
  EXPECT_EQ(BillHarness::Outcome(bound.Use(bound.Session(), "devkey-harness-0002")),
            "401 BDC_1109");
  EXPECT_EQ(BillHarness::Outcome(bound.Use(bound.Session(), "")), "401 BDC_1109");
  BillHarness loose(R"({"session_bound_to_dev_key": false})");
  EXPECT_EQ(loose.Use(loose.Session(), "devkey-harness-0002").status, 200);
}

TEST(SessionTest, RevokedDevKeyIsRefusedAtOnce) {
  BillHarness harness;
  const std::string session = harness.Session();
  ASSERT_THAT(harness.bill().ChangeDevKey("devkey-harness-0001", {{"active", false}}), IsOk());
  EXPECT_EQ(BillHarness::Outcome(harness.Use(session)), "400 BDC_1103");
  ASSERT_THAT(harness.bill().ChangeDevKey("devkey-harness-0001", {{"active", true}}), IsOk());
  EXPECT_EQ(harness.Use(session).status, 200);
}

TEST(SessionTest, SecondLogoutIsSessionInvalid) {
  BillHarness harness(R"({"logout_http_status": 204, "logout_body": ""})");
  const std::string session = harness.Session();
  EXPECT_EQ(harness.Post(session, "/v3/logout").status, 204);
  EXPECT_EQ(BillHarness::Outcome(harness.Use(session)), "401 BDC_1109");
  EXPECT_EQ(BillHarness::Outcome(harness.Post(session, "/v3/logout")), "401 BDC_1109");
}

TEST(SessionTest, EndsOnCommandByIdOrOrganization) {
  BillHarness harness;
  const std::string one = harness.Session();
  const std::string two = harness.Session();
  ASSERT_THAT(harness.bill().ExpireSession(one), IsOk());
  EXPECT_EQ(BillHarness::Outcome(harness.Use(one)), "401 BDC_1109");
  EXPECT_THAT(harness.bill().ExpireSession(one), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(harness.bill().ExpireSessionsOf("00801HARNESSORG000001"), 1);
  EXPECT_EQ(BillHarness::Outcome(harness.Use(two)), "401 BDC_1109");
}

TEST(SessionTest, SessionInfoShowsMfaStatus) {
  BillHarness harness;
  const auto info = [&](const json& request) {
    return BillHarness::BodyOf(harness.Get(harness.Session(request), "/v3/login/session"));
  };
  json request = AnnsSignIn();
  EXPECT_EQ(info(request), (json{{"organizationId", "00801HARNESSORG000001"},
                                 {"userId", "00601HARNESSUSER00001"},
                                 {"mfaStatus", "CHALLENGE"},
                                 {"mfaBypass", false}}));
  request["rememberMeId"] = "remember-me-harness-0001";
  request["device"] = "device-harness-0001";
  EXPECT_EQ(info(request)["mfaStatus"], "COMPLETE");
  json bypass = AnnsSignIn();
  bypass["username"] = "bypass@harness.example";
  EXPECT_EQ(info(bypass)["mfaStatus"], "DISABLED");
  EXPECT_EQ(info(bypass)["mfaBypass"], true);
}

TEST(SessionTest, ListsOrganizationsByPages) {
  BillHarness harness(R"({"page_size": 3})");
  const std::string session = harness.Session();
  HttpCall call = BillHarness::CallOn(session, "GET", "/v3/login/organizations");
  const json first = BillHarness::BodyOf(harness.bill().Handle(call));
  EXPECT_EQ(first["results"].size(), 3u);
  EXPECT_EQ(first["results"][0], (json{{"id", "00801HARNESSORG000001"}, {"name", "One"}}));
  EXPECT_FALSE(first.contains("prevPage"));
  call.query["page"] = first["nextPage"];
  const json last = BillHarness::BodyOf(harness.bill().Handle(call));
  EXPECT_EQ(last["results"].size(), 1u);
  EXPECT_FALSE(last.contains("nextPage"));
  call.query["page"] = last["prevPage"];
  EXPECT_EQ(BillHarness::BodyOf(harness.bill().Handle(call)), first);
  call.query["max"] = "1";
  EXPECT_EQ(BillHarness::BodyOf(harness.bill().Handle(call))["results"].size(), 1u);
  call.query["page"] = "2";
  EXPECT_EQ(BillHarness::Outcome(harness.bill().Handle(call)), "400 BDC_1002");
}

TEST(SessionTest, PaymentsNeedTrustUnlessDisabled) {
  BillHarness production;
  EXPECT_EQ(BillHarness::Outcome(production.Post(production.Session(), "/v3/payments")),
            "403 BDC_1361");
  BillHarness sandbox(R"({"payments_need_trust": false})");
  EXPECT_EQ(sandbox.Post(sandbox.Session(), "/v3/payments").status, 201);
  json sync = AnnsSignIn();
  sync["username"] = "sync-token-harness";
  sync["password"] = "sync-token-value-harness";
  EXPECT_EQ(BillHarness::Outcome(sandbox.Post(sandbox.Session(sync), "/v3/payments")),
            "403 BDC_1361");
}

TEST(SessionTest, DisabledMfaAllowsPaymentsUnlessForbidden) {
  BillHarness allows;
  BillHarness forbids(R"({"mfa_disabled_allows_payments": false})");
  for (BillHarness* harness : {&allows, &forbids}) {
    const json disabled = {{"mfa_enabled", false}};
    ASSERT_THAT(harness->bill().ChangeOrganization(kOrganization, disabled), IsOk());
    const std::string session = harness->Session();
    const json info = BillHarness::BodyOf(harness->Get(session, "/v3/login/session"));
    EXPECT_EQ(info["mfaStatus"], "DISABLED");
    EXPECT_EQ(info["mfaBypass"], false);
    EXPECT_EQ(harness->Post(session, "/v3/payments").status, harness == &allows ? 201 : 403);
  }
}

TEST(SessionTest, SyncTokenCanEndAtFixedAge) {
  BillHarness harness(R"({"sync_token_sliding": false})");
  json request = AnnsSignIn();
  request["username"] = "sync-token-harness";
  request["password"] = "sync-token-value-harness";
  const std::string session = harness.Session(request);
  EXPECT_EQ(OutcomeAfter(harness, absl::Hours(47), session), "200");
  EXPECT_EQ(OutcomeAfter(harness, absl::Hours(1), session), "401 BDC_1109");
  EXPECT_EQ(OutcomeAfter(harness, kAlmost, harness.Session()), "200");
}

TEST(SessionTest, SettingChoosesCodeOfInvalidSession) {
  BillHarness harness(R"({"session_invalid_code": "BDC_1120"})");
  EXPECT_EQ(BillHarness::Outcome(harness.Use("session-harness-unknown")), "401 BDC_1120");
}

TEST(SessionTest, ListsOrganizationsInConfiguredShape) {
  BillHarness harness(
      R"({"organization_item_field": "consoleOrganization", "list_end_is_empty_page": true})");
  const json page = BillHarness::BodyOf(harness.Get(harness.Session(), "/v3/login/organizations"));
  EXPECT_EQ(page["results"][0]["consoleOrganization"]["id"], kOrganization);
  EXPECT_EQ(page["nextPage"], "");
}

// BILL accepts a page size from 1 to 100 in every list.
class MaxTest : public testing::TestWithParam<std::pair<const char*, int>> {};

TEST_P(MaxTest, IsChecked) {
  BillHarness harness;
  HttpCall call = BillHarness::CallOn(harness.Session(), "GET", "/v3/login/organizations");
  call.query["max"] = GetParam().first;
  EXPECT_EQ(harness.bill().Handle(call).status, GetParam().second);
}

INSTANTIATE_TEST_SUITE_P(Values, MaxTest,
                         testing::Values(std::pair("1", 200), std::pair("100", 200),
                                         std::pair("0", 400), std::pair("101", 400),
                                         std::pair("-1", 400), std::pair("ten", 400),
                                         std::pair("", 400)));

TEST(SessionTest, ReadsOnlyItsOwnOrganization) {
  BillHarness harness;
  const std::string session = harness.Session();
  EXPECT_EQ(BillHarness::Outcome(harness.Get(session, "/v3/organizations/00801HARNESSORG000002")),
            "400 BDC_1123");
}

TEST(SessionTest, HealthNeedsNoSignIn) {
  BillHarness harness;
  EXPECT_EQ(harness.bill().Handle({"GET", "/v3/health", {}, {}, ""}).status, 200);
}

TEST(SessionTest, RefusesUnknownPathAndMethod) {
  BillHarness harness;
  const std::string session = harness.Session();
  for (const char* path : {"/v3/session", "/v3/organizations/current", "/v3/organizations/"}) {
    EXPECT_EQ(BillHarness::Outcome(harness.Get(session, path)), "404 BDC_1121") << path;
  }
  EXPECT_EQ(BillHarness::Outcome(harness.Get(session, "/v3/nothing")), "404 BDC_1121");
  EXPECT_EQ(BillHarness::Outcome(harness.Get(session, "/v3/logout")), "404 BDC_1121");
  EXPECT_EQ(BillHarness::Outcome(harness.Get(session, "/v3/login")), "404 BDC_1121");
}

}  // namespace
}  // namespace billbroker::billsim
