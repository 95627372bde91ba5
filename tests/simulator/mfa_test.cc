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
                       {"device", "device-harness-0009"},
                       {"machineName", "host"},
                       {"rememberMe", true}});
}

json Remembered(const std::string& id) {
  return {{"rememberMeId", id}, {"device", "device-harness-0009"}};
}

TEST(MfaTest, RightTokenTrustsSessionAndDevice) {
  BillHarness harness;
  const std::string session = harness.Session();
  const HttpAnswer answer = Validate(harness, session, Challenge(harness, session), "123456");
  const std::string id = BillHarness::BodyOf(answer)["rememberMeId"];
  EXPECT_EQ(harness.Post(session, "/v3/payments").status, 201);
  json request = AnnsSignIn();
  request.update(Remembered(id));
  EXPECT_EQ(BillHarness::BodyOf(harness.SignIn(request))["trusted"], true);
  harness.clock().Advance(absl::Hours(24 * 30));
  EXPECT_EQ(BillHarness::BodyOf(harness.SignIn(request))["trusted"], false);
}

TEST(MfaTest, UsesConfiguredNameOfId) {
  BillHarness harness(R"({"mfa_answer_field": "mfaId"})");
  const std::string session = harness.Session();
  const HttpAnswer answer = Validate(harness, session, Challenge(harness, session), "123456");
  EXPECT_TRUE(BillHarness::BodyOf(answer).contains("mfaId"));
}

TEST(MfaTest, ThreeWrongTokensEndChallenge) {
  BillHarness harness;
  const std::string session = harness.Session();
  const std::string challenge = Challenge(harness, session);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(BillHarness::Outcome(Validate(harness, session, challenge, "000000")),
              "400 BDC_1356");
  }
  EXPECT_EQ(BillHarness::Outcome(Validate(harness, session, challenge, "123456")), "400 BDC_1358");
}

TEST(MfaTest, ChallengeExpiresAndBelongsToSession) {
  BillHarness harness;
  const std::string session = harness.Session();
  const std::string other = harness.Session();
  const std::string challenge = Challenge(harness, session);
  EXPECT_EQ(BillHarness::Outcome(Validate(harness, other, challenge, "123456")), "400 BDC_1374");
  harness.clock().Advance(absl::Minutes(5));
  EXPECT_EQ(BillHarness::Outcome(Validate(harness, session, challenge, "123456")), "400 BDC_1374");
}

TEST(MfaTest, RefusesChallengeWithoutPhone) {
  BillHarness harness;
  json request = AnnsSignIn();
  request["username"] = "bypass@harness.example";
  EXPECT_EQ(BillHarness::Outcome(harness.Post(harness.Session(request), "/v3/mfa/challenge")),
            "400 BDC_1354");
}

TEST(MfaTest, LimitsTextMessagesPerMinute) {
  BillHarness harness(R"({"limit_sends_retry_after": true})");
  const std::string session = harness.Session();
  for (int i = 0; i < 5; ++i) EXPECT_NE(Challenge(harness, session), "");
  const HttpAnswer refused = harness.Post(session, "/v3/mfa/challenge");
  EXPECT_EQ(BillHarness::Outcome(refused), "422 BDC_1144");
  EXPECT_EQ(refused.headers.at("Retry-After"), "60");
  harness.clock().Advance(absl::Minutes(1));
  EXPECT_NE(Challenge(harness, session), "");
}

TEST(MfaTest, StepUpTrustsKnownDeviceOnly) {
  BillHarness harness;
  const std::string session = harness.Session();
  const auto step_up = [&](const char* id) {
    return BillHarness::BodyOf(harness.Post(
        session, "/v3/mfa/step-up", {{"rememberMeId", id}, {"device", "device-harness-0001"}}));
  };
  EXPECT_EQ(step_up("remember-me-harness-stale"), (json{{"trusted", false}}));
  EXPECT_EQ(step_up("remember-me-harness-0001"), (json{{"trusted", true}}));
  EXPECT_EQ(harness.Post(session, "/v3/payments").status, 201);
  EXPECT_EQ(BillHarness::Outcome(harness.Post(session, "/v3/mfa/step-up")), "400 BDC_1002");
}

TEST(MfaTest, IdWithoutRememberMeIsForThisSession) {
  BillHarness harness;
  const std::string session = harness.Session();
  const std::string challenge = Challenge(harness, session);
  const HttpAnswer answer =
      harness.Post(session, "/v3/mfa/challenge/validate",
                   {{"challengeId", challenge}, {"token", "123456"}, {"rememberMe", false}});
  const std::string id = BillHarness::BodyOf(answer)["rememberMeId"];
  EXPECT_EQ(id.size(), 64u);
  json request = AnnsSignIn();
  request.update(Remembered(id));
  const json signed_in = BillHarness::BodyOf(harness.SignIn(request));
  EXPECT_EQ(signed_in["trusted"], false);
  const auto step_up = [&](const std::string& of) {
    return BillHarness::BodyOf(harness.Post(of, "/v3/mfa/step-up", Remembered(id)))["trusted"];
  };
  EXPECT_EQ(step_up(session), true);
  EXPECT_EQ(step_up(signed_in["sessionId"]), false);
}

TEST(MfaTest, NoIdWithoutRememberMeIfSet) {
  BillHarness harness(R"({"mfa_id_without_remember_me": false, "remember_me_id_length": 80})");
  const std::string session = harness.Session();
  const auto validate = [&](bool remember_me) {
    return BillHarness::BodyOf(harness.Post(session, "/v3/mfa/challenge/validate",
                                            {{"challengeId", Challenge(harness, session)},
                                             {"token", "123456"},
                                             {"rememberMe", remember_me}}));
  };
  EXPECT_EQ(validate(false), json::object());
  EXPECT_EQ(validate(true)["rememberMeId"].get<std::string>().size(), 80u);
}

TEST(MfaTest, ValidationTrustsNextSignInOnlyIfSet) {
  BillHarness harness(R"({"mfa_validate_trusts_session": false})");
  const std::string session = harness.Session();
  const HttpAnswer answer = Validate(harness, session, Challenge(harness, session), "123456");
  EXPECT_EQ(harness.Post(session, "/v3/payments").status, 403);
  json request = AnnsSignIn();
  request.update(Remembered(BillHarness::BodyOf(answer)["rememberMeId"]));
  EXPECT_EQ(BillHarness::BodyOf(harness.SignIn(request))["trusted"], true);
}

TEST(MfaTest, StepUpDeniesTrustedSessionIfSet) {
  BillHarness harness(R"({"step_up_false_when_trusted": true})");
  const std::string session = harness.Session();
  const json device = {{"rememberMeId", "remember-me-harness-0001"},
                       {"device", "device-harness-0001"}};
  const auto trusted = [&] {
    return BillHarness::BodyOf(harness.Post(session, "/v3/mfa/step-up", device))["trusted"];
  };
  EXPECT_EQ(trusted(), true);
  EXPECT_EQ(trusted(), false);
  EXPECT_EQ(BillHarness::BodyOf(harness.Get(session, "/v3/login/session"))["mfaStatus"],
            "COMPLETE");
}

struct ChallengeBody {
  const char* text;
  int status;
};

class ChallengeBodyTest : public testing::TestWithParam<ChallengeBody> {};

TEST_P(ChallengeBodyTest, IsChecked) {
  BillHarness harness;
  const HttpCall call =
      BillHarness::CallOn(harness.Session(), "POST", "/v3/mfa/challenge", GetParam().text);
  EXPECT_EQ(harness.bill().Handle(call).status, GetParam().status);
}

INSTANTIATE_TEST_SUITE_P(
    Bodies, ChallengeBodyTest,
    testing::Values(ChallengeBody{"", 200}, ChallengeBody{"{}", 200},
                    ChallengeBody{R"({"useBackup": "false"})", 200},
                    ChallengeBody{R"({"useBackup": false, "unknown": 1})", 200},
                    ChallengeBody{R"({"useBackup": true})", 400},
                    ChallengeBody{R"({"useBackup": "true"})", 400},
                    ChallengeBody{R"({"useBackup": 1})", 400}, ChallengeBody{"[]", 400}));

class SetUpPathTest : public testing::TestWithParam<const char*> {};

TEST_P(SetUpPathTest, EnrollsPhone) {
  BillHarness harness(absl::StrCat(R"({"mfa_setup_validate_path": ")", GetParam(), R"("})"));
  json request = AnnsSignIn();
  request["username"] = "bypass@harness.example";
  const std::string session = harness.Session(request);
  json setup = {{"phone", "+1 555 0142"}, {"type", "TEXT"}, {"primary", false}};
  EXPECT_EQ(harness.Post(session, "/v3/mfa/setup", setup).status, 400);
  setup.erase("primary");
  const json started = BillHarness::BodyOf(harness.Post(session, "/v3/mfa/setup", setup));
  const auto validate = [&](const char* path, const char* token) {
    return harness.Post(session, path,
                        {{"setupId", started["setupId"]}, {"type", "TEXT"}, {"token", token}});
  };
  int answered = 0;
  for (const char* path : {"/v3/mfa/setup/validate", "/v3/mfa/validate"}) {
    if (validate(path, "000000").status == 200) ++answered;
  }
  EXPECT_EQ(answered, 1);
  EXPECT_EQ(BillHarness::BodyOf(validate(GetParam(), "000000"))["status"], "FAILED");
  EXPECT_EQ(BillHarness::BodyOf(validate(GetParam(), "123456"))["status"], "SUCCESS");
  EXPECT_EQ(BillHarness::BodyOf(harness.Get(session, "/v3/mfa/phones"))["results"],
            (json{{{"type", "MOBILE"}, {"last4digits", "0142"}, {"primary", true}}}));
  EXPECT_EQ(BillHarness::Outcome(harness.Post(session, "/v3/mfa/setup", setup)), "400 BDC_5324");
}

INSTANTIATE_TEST_SUITE_P(Paths, SetUpPathTest,
                         testing::Values("/v3/mfa/setup/validate", "/v3/mfa/validate"));

}  // namespace
}  // namespace billbroker::billsim
