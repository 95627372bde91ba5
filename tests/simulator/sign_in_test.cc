// POST /v3/login: accepted and refused requests, and lock-outs.
#include <gtest/gtest.h>

#include <set>

#include "tests/simulator/bill_harness.h"
#include "tests/support/status_matchers.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;

json With(const char* field, const json& value) {
  json request = AnnsSignIn();
  request[field] = value;
  return request;
}

json WithRightSecretAfter(BillHarness& harness, int failures) {
  for (int i = 0; i < failures; ++i) {
    EXPECT_EQ(BillHarness::Outcome(harness.SignIn(With("password", "wrong-password-harness"))),
              "400 BDC_1101");
  }
  return AnnsSignIn();
}

TEST(SignInTest, AnswersSessionOrganizationUserAndTrust) {
  BillHarness harness;
  const json body = BillHarness::BodyOf(harness.SignIn());
  EXPECT_EQ(body["sessionId"].get<std::string>().size(), 64u);
  EXPECT_EQ(body["organizationId"], "00801HARNESSORG000001");
  EXPECT_EQ(body["userId"], "00601HARNESSUSER00001");
  EXPECT_EQ(body["trusted"], false);
  EXPECT_EQ(body.size(), 4u);
}

TEST(SignInTest, EachSignInMakesAnotherSession) {
  BillHarness harness;
  std::set<std::string> ids;
  for (int i = 0; i < 100; ++i) ids.insert(harness.Session());
  EXPECT_EQ(ids.size(), 100u);
}

TEST(SignInTest, UsesConfiguredSessionIdLengthAndAlphabet) {
  BillHarness harness(R"({"session_id_length": 500, "session_id_alphabet": "!#$%&'*+-.^_`|~A"})");
  const std::string id = harness.Session();
  EXPECT_EQ(id.size(), 500u);
  EXPECT_EQ(id.find_first_not_of("!#$%&'*+-.^_`|~A"), std::string::npos);
  EXPECT_EQ(harness.Use(id).status, 200);
}

TEST(SignInTest, RefusesMalformedRequest) {
  BillHarness harness;
  const auto outcome = [&](const json& request) {
    return BillHarness::Outcome(harness.SignIn(request));
  };
  EXPECT_EQ(outcome(With("password", "")), "400 BDC_1002");
  EXPECT_EQ(outcome(With("username", 7)), "400 BDC_1002");
  EXPECT_EQ(outcome(With("devKey", "")), "400 BDC_1002");
  EXPECT_EQ(outcome(With("consoleApiToken", "both")), "400 BDC_1002");
  EXPECT_EQ(outcome(json::array()), "400 BDC_1002");
  HttpCall garbage = BillHarness::SignInCall();
  garbage.body = "{\"devKey\": ";
  EXPECT_EQ(BillHarness::Outcome(harness.bill().Handle(garbage)), "400 BDC_1002");
}

TEST(SignInTest, AcceptsUnknownFields) {
  BillHarness harness;
  EXPECT_EQ(harness.SignIn(With("deviceId", "5f0c6a3e-4a4e-4d3b-8c33")).status, 200);
  EXPECT_EQ(harness.SignIn(With("nested", {{"list", {1, nullptr}}})).status, 200);
}

TEST(SignInTest, AcceptsDeviceAloneUnlessForbidden) {
  BillHarness accepts;
  BillHarness forbids(R"({"device_needs_remember_me_id": true})");
  for (const char* field : {"device", "rememberMeId"}) {
    const json request = With(field, "remember-me-harness-0001");
    EXPECT_EQ(BillHarness::BodyOf(accepts.SignIn(request))["trusted"], false) << field;
    EXPECT_EQ(BillHarness::Outcome(forbids.SignIn(request)), "400 BDC_1002") << field;
  }
}

TEST(SignInTest, SettingChoosesCodeOfWrongSecret) {
  BillHarness harness(R"({"wrong_secret_code": "BDC_1102"})");
  EXPECT_EQ(BillHarness::Outcome(harness.SignIn(With("password", "wrong-password-harness"))),
            "400 BDC_1102");
}

TEST(SignInTest, RefusesByDevKeyOrganizationAndUser) {
  BillHarness harness;
  const auto outcome = [&](const char* field, const char* value) {
    return BillHarness::Outcome(harness.SignIn(With(field, value)));
  };
  EXPECT_EQ(outcome("devKey", "devkey-harness-unknown"), "400 BDC_1102");
  EXPECT_EQ(outcome("devKey", "devkey-harness-revoked"), "400 BDC_1103");
  EXPECT_EQ(outcome("devKey", "devkey-harness-terms"), "403 BDC_1104");
  EXPECT_EQ(outcome("devKey", "devkey-harness-0002"), "400 BDC_1102")
      << "not a key of this organization";
  EXPECT_EQ(outcome("organizationId", "00801HARNESSORG000009"), "400 BDC_1123");
  EXPECT_EQ(outcome("organizationId", "00801HARNESSORG000004"), "403 BDC_1105");
  EXPECT_EQ(outcome("organizationId", "00801HARNESSORG000005"), "423 BDC_1107");
  EXPECT_EQ(outcome("organizationId", "00801HARNESSORG000006"), "403 BDC_1111")
      << "not an organization of hers";
  EXPECT_EQ(outcome("username", "nobody@harness.example"), "400 BDC_1101");
  EXPECT_EQ(outcome("username", "gone@harness.example"), "403 BDC_1111");
  EXPECT_EQ(outcome("password", "wrong-password-harness"), "400 BDC_1101");
}

TEST(SignInTest, ConsoleUserNeedsTokenAndClientsDevKey) {
  BillHarness harness;
  json request = {{"devKey", "devkey-harness-0002"},
                  {"username", "console@harness.example"},
                  {"organizationId", "00801HARNESSORG000003"},
                  {"consoleApiToken", "console-token-harness"}};
  EXPECT_EQ(harness.SignIn(request).status, 200);
  request["devKey"] = "devkey-harness-0001";
  EXPECT_EQ(BillHarness::Outcome(harness.SignIn(request)), "400 BDC_1102");
  request["devKey"] = "devkey-harness-0002";
  request.erase("consoleApiToken");
  request["password"] = "console-token-harness";
  EXPECT_EQ(BillHarness::Outcome(harness.SignIn(request)), "400 BDC_1101");
}

TEST(SignInTest, RememberedDeviceMakesSessionTrusted) {
  BillHarness harness;
  json request = With("rememberMeId", "remember-me-harness-0001");
  request["device"] = "device-harness-0001";
  EXPECT_EQ(BillHarness::BodyOf(harness.SignIn(request))["trusted"], true);
  request["device"] = "device-harness-other";
  EXPECT_EQ(BillHarness::BodyOf(harness.SignIn(request))["trusted"], false);
}

TEST(SignInTest, TrustsBypassUserButNotSyncToken) {
  BillHarness harness;
  EXPECT_EQ(
      BillHarness::BodyOf(harness.SignIn(With("username", "bypass@harness.example")))["trusted"],
      true);
  json sync = With("username", "sync-token-harness");
  sync["password"] = "sync-token-value-harness";
  EXPECT_EQ(BillHarness::BodyOf(harness.SignIn(sync))["trusted"], false);
}

TEST(SignInTest, TenWrongSecretsLockUser) {
  BillHarness harness;
  const json right = WithRightSecretAfter(harness, 10);
  EXPECT_EQ(BillHarness::Outcome(harness.SignIn(right)), "423 BDC_1110");
  ASSERT_THAT(harness.bill().ChangeUser("ann@harness.example", {{"locked", false}}), IsOk());
  EXPECT_EQ(harness.SignIn(right).status, 200);
}

TEST(SignInTest, RightSecretResetsFailureCount) {
  BillHarness harness;
  EXPECT_EQ(harness.SignIn(WithRightSecretAfter(harness, 9)).status, 200);
  EXPECT_EQ(harness.SignIn(WithRightSecretAfter(harness, 9)).status, 200);
}

TEST(SignInTest, OrganizationLockOutLapses) {
  BillHarness harness(
      R"({"lockout_failures": 3, "lockout_of_organization": true, "lockout_seconds": 600})");
  const json right = WithRightSecretAfter(harness, 3);
  EXPECT_EQ(BillHarness::Outcome(harness.SignIn(right)), "423 BDC_1107");
  EXPECT_EQ(harness.SignIn(With("organizationId", "00801HARNESSORG000002")).status, 200);
  harness.clock().Advance(absl::Seconds(600));
  EXPECT_EQ(harness.SignIn(right).status, 200);
}

TEST(SignInTest, NewPasswordReplacesOldOne) {
  BillHarness harness;
  ASSERT_THAT(
      harness.bill().ChangeUser("ann@harness.example", {{"password", "new-password-harness"}}),
      IsOk());
  EXPECT_EQ(BillHarness::Outcome(harness.SignIn()), "400 BDC_1101");
  EXPECT_EQ(harness.SignIn(With("password", "new-password-harness")).status, 200);
}

TEST(SignInTest, NewSignInEndsOlderSessionIfSet) {
  BillHarness keeps;
  const std::string first = keeps.Session();
  ASSERT_NE(keeps.Session(), "");
  EXPECT_EQ(keeps.Use(first).status, 200);

  BillHarness ends(R"({"new_sign_in_ends_old": true})");
  const std::string old = ends.Session();
  const std::string elsewhere = ends.Session(With("organizationId", "00801HARNESSORG000002"));
  const std::string fresh = ends.Session();
  EXPECT_EQ(BillHarness::Outcome(ends.Use(old)), "401 BDC_1109");
  EXPECT_EQ(ends.Use(elsewhere).status, 200);
  EXPECT_EQ(ends.Use(fresh).status, 200);
}

}  // namespace
}  // namespace billbroker::billsim
