// How long a session lives, and what it may be used for.
#include <gtest/gtest.h>

#include "tests/simulator/bill_harness.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;

constexpr absl::Duration kAlmost = absl::Minutes(34);

std::string OutcomeAfter(BillHarness& harness, absl::Duration time, const std::string& session) {
  harness.clock().Advance(time);
  return BillHarness::Outcome(harness.Use(session));
}

TEST(SessionTest, AnOrdinaryCallNamesItsOrganization) {
  BillHarness harness;
  const json body = BillHarness::BodyOf(harness.Use(harness.Session()));
  EXPECT_EQ(body["id"], "0081");
  EXPECT_EQ(body["name"], "One");
}

TEST(SessionTest, DiesAfterThirtyFiveMinutesWithoutUse) {
  BillHarness harness;
  const std::string session = harness.Session();
  EXPECT_EQ(OutcomeAfter(harness, absl::Minutes(35), session), "401 BDC_1109");
}

TEST(SessionTest, UseKeepsItAlive) {
  BillHarness harness;
  const std::string session = harness.Session();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(OutcomeAfter(harness, kAlmost, session), "200");
}

TEST(SessionTest, WithoutSlidingUseDoesNotHelp) {
  BillHarness harness(R"({"sliding": false})");
  const std::string session = harness.Session();
  EXPECT_EQ(OutcomeAfter(harness, kAlmost, session), "200");
  EXPECT_EQ(OutcomeAfter(harness, absl::Minutes(1), session), "401 BDC_1109");
}

TEST(SessionTest, AskingForItsStateIsUseUnlessSetOtherwise) {
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

TEST(SessionTest, AFailingCallIsNoUseUnlessSetOtherwise) {
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

TEST(SessionTest, HasAGreatestAgeWhereOneIsSet) {
  BillHarness harness(R"({"max_session_age_seconds": 3600})");
  const std::string session = harness.Session();
  EXPECT_EQ(OutcomeAfter(harness, absl::Minutes(30), session), "200");
  EXPECT_EQ(OutcomeAfter(harness, absl::Minutes(29), session), "200");
  EXPECT_EQ(OutcomeAfter(harness, absl::Minutes(1), session), "401 BDC_1109");
}

TEST(SessionTest, OfASyncTokenIdlesFortyEightHours) {
  BillHarness harness;
  json request = AnnsSignIn();
  request["username"] = "sync";
  request["password"] = "value";
  const std::string session = harness.Session(request);
  EXPECT_EQ(OutcomeAfter(harness, absl::Hours(47), session), "200");
  EXPECT_EQ(OutcomeAfter(harness, absl::Hours(48), session), "401 BDC_1109");
}

TEST(SessionTest, AWallClockThatJumpsOnTheCallersSideDoesNotJumpHere) {
  BillHarness harness;
  const std::string session = harness.Session();
  harness.clock().JumpWall(absl::Hours(5));
  EXPECT_EQ(harness.Use(session).status, 200);
}

TEST(SessionTest, WorksOnlyWithTheDevKeyThatMadeIt) {
  BillHarness bound;
  EXPECT_EQ(BillHarness::Outcome(bound.Use(bound.Session(), "dk-2")), "401 BDC_1109");
  EXPECT_EQ(BillHarness::Outcome(bound.Use(bound.Session(), "")), "401 BDC_1109");
  BillHarness loose(R"({"session_bound_to_dev_key": false})");
  EXPECT_EQ(loose.Use(loose.Session(), "dk-2").status, 200);
}

TEST(SessionTest, ARevokedDevKeyEndsItsUseAtOnce) {
  BillHarness harness;
  const std::string session = harness.Session();
  ASSERT_TRUE(harness.bill().ChangeDevKey("dk-1", {{"active", false}}).ok());
  EXPECT_EQ(BillHarness::Outcome(harness.Use(session)), "400 BDC_1103");
  ASSERT_TRUE(harness.bill().ChangeDevKey("dk-1", {{"active", true}}).ok());
  EXPECT_EQ(harness.Use(session).status, 200);
}

TEST(SessionTest, LogoutEndsItAndASecondOneSaysSo) {
  BillHarness harness(R"({"logout_http_status": 204, "logout_body": ""})");
  const std::string session = harness.Session();
  EXPECT_EQ(harness.Post(session, "/v3/logout").status, 204);
  EXPECT_EQ(BillHarness::Outcome(harness.Use(session)), "401 BDC_1109");
  EXPECT_EQ(BillHarness::Outcome(harness.Post(session, "/v3/logout")), "401 BDC_1109");
}

TEST(SessionTest, EndsOnCommandByIdOrByOrganization) {
  BillHarness harness;
  const std::string one = harness.Session();
  const std::string two = harness.Session();
  ASSERT_TRUE(harness.bill().ExpireSession(one).ok());
  EXPECT_EQ(BillHarness::Outcome(harness.Use(one)), "401 BDC_1109");
  EXPECT_TRUE(absl::IsNotFound(harness.bill().ExpireSession(one)));
  EXPECT_EQ(harness.bill().ExpireSessionsOf("0081"), 1);
  EXPECT_EQ(BillHarness::Outcome(harness.Use(two)), "401 BDC_1109");
}

TEST(SessionTest, InfoSaysHowFarMfaIs) {
  BillHarness harness;
  const auto info = [&](const json& request) {
    return BillHarness::BodyOf(harness.Get(harness.Session(request), "/v3/login/session"));
  };
  json request = AnnsSignIn();
  EXPECT_EQ(info(request), (json{{"organizationId", "0081"},
                                 {"userId", "0061"},
                                 {"mfaStatus", "CHALLENGE"},
                                 {"mfaBypass", false}}));
  request["rememberMeId"] = "rm-1";
  request["device"] = "dev-1";
  EXPECT_EQ(info(request)["mfaStatus"], "COMPLETE");
  json bypass = AnnsSignIn();
  bypass["username"] = "bypass";
  EXPECT_EQ(info(bypass)["mfaStatus"], "DISABLED");
  EXPECT_EQ(info(bypass)["mfaBypass"], true);
}

TEST(SessionTest, ListsTheOrganizationsOfItsUserByPages) {
  BillHarness harness(R"({"page_size": 3})");
  const std::string session = harness.Session();
  HttpCall call = BillHarness::CallOn(session, "GET", "/v3/login/organizations");
  const json first = BillHarness::BodyOf(harness.bill().Handle(call));
  EXPECT_EQ(first["results"].size(), 3u);
  EXPECT_EQ(first["results"][0], (json{{"id", "0081"}, {"name", "One"}}));
  EXPECT_FALSE(first.contains("prevPage"));
  call.query["page"] = first["nextPage"];
  const json last = BillHarness::BodyOf(harness.bill().Handle(call));
  EXPECT_EQ(last["results"].size(), 1u);
  EXPECT_FALSE(last.contains("nextPage"));
  call.query["page"] = last["prevPage"];
  EXPECT_EQ(BillHarness::BodyOf(harness.bill().Handle(call)), first);
  call.query["page"] = "2";
  EXPECT_EQ(BillHarness::Outcome(harness.bill().Handle(call)), "400 BDC_1002");
}

TEST(SessionTest, PaymentsNeedTrustUnlessSetOtherwise) {
  BillHarness production;
  EXPECT_EQ(BillHarness::Outcome(production.Post(production.Session(), "/v3/payments")),
            "403 BDC_1361");
  BillHarness sandbox(R"({"payments_need_trust": false})");
  EXPECT_EQ(sandbox.Post(sandbox.Session(), "/v3/payments").status, 200);
  json sync = AnnsSignIn();
  sync["username"] = "sync";
  sync["password"] = "value";
  EXPECT_EQ(BillHarness::Outcome(sandbox.Post(sandbox.Session(sync), "/v3/payments")),
            "403 BDC_1361");
}

TEST(SessionTest, APathOrMethodThatBillLacksIsSaidSo) {
  BillHarness harness;
  const std::string session = harness.Session();
  EXPECT_EQ(BillHarness::Outcome(harness.Get(session, "/v3/nothing")), "404 BDC_1121");
  EXPECT_EQ(BillHarness::Outcome(harness.Get(session, "/v3/logout")), "404 BDC_1121");
  EXPECT_EQ(BillHarness::Outcome(harness.Get(session, "/v3/login")), "404 BDC_1121");
}

}  // namespace
}  // namespace billbroker::billsim
