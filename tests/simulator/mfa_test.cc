#include <gtest/gtest.h>

#include "tests/simulator/bill_harness.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;

std::string Challenge(BillHarness& harness, const std::string& session) {
  return BillHarness::BodyOf(harness.Post(session, "/v3/mfa/challenge")).value("challengeId", "");
}

HttpAnswer Validate(BillHarness& harness, const std::string& session, const std::string& challenge,
                    const std::string& token) {
  return harness.Post(session, "/v3/mfa/challenge/validate",
                      {{"challengeId", challenge},
                       {"token", token},
                       {"device", "dev-9"},
                       {"machineName", "host"},
                       {"rememberMe", true}});
}

json Remembered(const std::string& id) { return {{"rememberMeId", id}, {"device", "dev-9"}}; }

TEST(MfaTest, ARightTokenMakesTheSessionTrustedAndTheDeviceRemembered) {
  BillHarness harness;
  const std::string session = harness.Session();
  const HttpAnswer answer = Validate(harness, session, Challenge(harness, session), "123456");
  const std::string id = BillHarness::BodyOf(answer)["rememberMeId"];
  EXPECT_EQ(harness.Post(session, "/v3/payments").status, 200);
  json request = AnnsSignIn();
  request.update(Remembered(id));
  EXPECT_EQ(BillHarness::BodyOf(harness.SignIn(request))["trusted"], true);
  harness.clock().Advance(absl::Hours(24 * 30));
  EXPECT_EQ(BillHarness::BodyOf(harness.SignIn(request))["trusted"], false);
}

TEST(MfaTest, TheIdIsCalledAsItIsSet) {
  BillHarness harness(R"({"mfa_answer_field": "mfaId"})");
  const std::string session = harness.Session();
  const HttpAnswer answer = Validate(harness, session, Challenge(harness, session), "123456");
  EXPECT_TRUE(BillHarness::BodyOf(answer).contains("mfaId"));
}

TEST(MfaTest, ThreeWrongTokensSpendAChallenge) {
  BillHarness harness;
  const std::string session = harness.Session();
  const std::string challenge = Challenge(harness, session);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(BillHarness::Outcome(Validate(harness, session, challenge, "000000")),
              "400 BDC_1356");
  }
  EXPECT_EQ(BillHarness::Outcome(Validate(harness, session, challenge, "123456")), "400 BDC_1358");
}

TEST(MfaTest, AChallengeLivesFiveMinutesAndForItsSessionOnly) {
  BillHarness harness;
  const std::string session = harness.Session();
  const std::string other = harness.Session();
  const std::string challenge = Challenge(harness, session);
  EXPECT_EQ(BillHarness::Outcome(Validate(harness, other, challenge, "123456")), "400 BDC_1374");
  harness.clock().Advance(absl::Minutes(5));
  EXPECT_EQ(BillHarness::Outcome(Validate(harness, session, challenge, "123456")), "400 BDC_1374");
}

TEST(MfaTest, AUserWithoutAPhoneCannotBeChallenged) {
  BillHarness harness;
  json request = AnnsSignIn();
  request["username"] = "bypass";
  EXPECT_EQ(BillHarness::Outcome(harness.Post(harness.Session(request), "/v3/mfa/challenge")),
            "400 BDC_1354");
}

TEST(MfaTest, FiveTextMessagesAMinuteAreAllThereAre) {
  BillHarness harness(R"({"limit_sends_retry_after": true})");
  const std::string session = harness.Session();
  for (int i = 0; i < 5; ++i) EXPECT_NE(Challenge(harness, session), "");
  const HttpAnswer refused = harness.Post(session, "/v3/mfa/challenge");
  EXPECT_EQ(BillHarness::Outcome(refused), "422 BDC_1144");
  EXPECT_EQ(refused.headers.at("Retry-After"), "60");
  harness.clock().Advance(absl::Minutes(1));
  EXPECT_NE(Challenge(harness, session), "");
}

TEST(MfaTest, StepUpTrustsAKnownDeviceAndSaysFalseToAStaleOne) {
  BillHarness harness;
  const std::string session = harness.Session();
  const auto step_up = [&](const char* id) {
    return BillHarness::BodyOf(
        harness.Post(session, "/v3/mfa/step-up", {{"rememberMeId", id}, {"device", "dev-1"}}));
  };
  EXPECT_EQ(step_up("rm-stale"), (json{{"trusted", false}}));
  EXPECT_EQ(step_up("rm-1"), (json{{"trusted", true}}));
  EXPECT_EQ(harness.Post(session, "/v3/payments").status, 200);
  EXPECT_EQ(BillHarness::Outcome(harness.Post(session, "/v3/mfa/step-up")), "400 BDC_1002");
}

}  // namespace
}  // namespace billbroker::billsim
