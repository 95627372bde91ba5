// What POST /v3/login accepts and refuses.
#include <gtest/gtest.h>

#include <set>

#include "tests/simulator/bill_harness.h"

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
    EXPECT_EQ(BillHarness::Outcome(harness.SignIn(With("password", "wrong"))), "400 BDC_1101");
  }
  return AnnsSignIn();
}

TEST(SignInTest, AnswersSessionOrganizationUserAndTrust) {
  BillHarness harness;
  const json body = BillHarness::BodyOf(harness.SignIn());
  EXPECT_EQ(body["sessionId"].get<std::string>().size(), 64u);
  EXPECT_EQ(body["organizationId"], "0081");
  EXPECT_EQ(body["userId"], "0061");
  EXPECT_EQ(body["trusted"], false);
  EXPECT_EQ(body.size(), 4u);
}

TEST(SignInTest, EachSignInMakesAnotherSession) {
  BillHarness harness;
  std::set<std::string> ids;
  for (int i = 0; i < 100; ++i) ids.insert(harness.Session());
  EXPECT_EQ(ids.size(), 100u);
}

TEST(SignInTest, SessionIdsTakeTheLengthAndTheAlphabetThatAreSet) {
  BillHarness harness(R"({"session_id_length": 500, "session_id_alphabet": "!#$%&'*+-.^_`|~A"})");
  const std::string id = harness.Session();
  EXPECT_EQ(id.size(), 500u);
  EXPECT_EQ(id.find_first_not_of("!#$%&'*+-.^_`|~A"), std::string::npos);
  EXPECT_EQ(harness.Use(id).status, 200);
}

TEST(SignInTest, RefusesWhatIsMalformed) {
  BillHarness harness;
  const auto outcome = [&](const json& request) {
    return BillHarness::Outcome(harness.SignIn(request));
  };
  EXPECT_EQ(outcome(With("password", "")), "400 BDC_1002");
  EXPECT_EQ(outcome(With("username", 7)), "400 BDC_1002");
  EXPECT_EQ(outcome(With("devKey", "")), "400 BDC_1002");
  EXPECT_EQ(outcome(With("consoleApiToken", "both")), "400 BDC_1002");
  EXPECT_EQ(outcome(With("rememberMeId", "rm-1")), "400 BDC_1002") << "device is missing";
  EXPECT_EQ(outcome(With("misspelt", "x")), "400 BDC_1002");
  EXPECT_EQ(outcome(json::array()), "400 BDC_1002");
  HttpCall garbage = BillHarness::SignInCall();
  garbage.body = "{\"devKey\": ";
  EXPECT_EQ(BillHarness::Outcome(harness.bill().Handle(garbage)), "400 BDC_1002");
}

TEST(SignInTest, RefusesByDevKeyOrganizationAndUser) {
  BillHarness harness;
  const auto outcome = [&](const char* field, const char* value) {
    return BillHarness::Outcome(harness.SignIn(With(field, value)));
  };
  EXPECT_EQ(outcome("devKey", "dk-unknown"), "400 BDC_1102");
  EXPECT_EQ(outcome("devKey", "dk-revoked"), "400 BDC_1103");
  EXPECT_EQ(outcome("devKey", "dk-terms"), "403 BDC_1104");
  EXPECT_EQ(outcome("devKey", "dk-2"), "400 BDC_1102") << "not a key of this organization";
  EXPECT_EQ(outcome("organizationId", "0089"), "400 BDC_1123");
  EXPECT_EQ(outcome("organizationId", "0084"), "403 BDC_1105");
  EXPECT_EQ(outcome("organizationId", "0085"), "423 BDC_1107");
  EXPECT_EQ(outcome("organizationId", "0086"), "403 BDC_1111") << "not an organization of hers";
  EXPECT_EQ(outcome("username", "nobody"), "400 BDC_1101");
  EXPECT_EQ(outcome("username", "gone"), "403 BDC_1111");
  EXPECT_EQ(outcome("password", "wrong"), "400 BDC_1101");
}

TEST(SignInTest, AConsoleUserNeedsItsTokenAndItsClientsDevKey) {
  BillHarness harness;
  json request = {{"devKey", "dk-2"},
                  {"username", "console"},
                  {"organizationId", "0083"},
                  {"consoleApiToken", "token"}};
  EXPECT_EQ(harness.SignIn(request).status, 200);
  request["devKey"] = "dk-1";
  EXPECT_EQ(BillHarness::Outcome(harness.SignIn(request)), "400 BDC_1102");
  request["devKey"] = "dk-2";
  request.erase("consoleApiToken");
  request["password"] = "token";
  EXPECT_EQ(BillHarness::Outcome(harness.SignIn(request)), "400 BDC_1101");
}

TEST(SignInTest, ARememberedDeviceMakesTheSessionTrusted) {
  BillHarness harness;
  json request = With("rememberMeId", "rm-1");
  request["device"] = "dev-1";
  EXPECT_EQ(BillHarness::BodyOf(harness.SignIn(request))["trusted"], true);
  request["device"] = "another";
  EXPECT_EQ(BillHarness::BodyOf(harness.SignIn(request))["trusted"], false);
}

TEST(SignInTest, AUserWithBypassIsTrustedAndASyncTokenNever) {
  BillHarness harness;
  EXPECT_EQ(BillHarness::BodyOf(harness.SignIn(With("username", "bypass")))["trusted"], true);
  json sync = With("username", "sync");
  sync["password"] = "value";
  EXPECT_EQ(BillHarness::BodyOf(harness.SignIn(sync))["trusted"], false);
}

TEST(SignInTest, TenWrongSecretsInARowLockTheUser) {
  BillHarness harness;
  const json right = WithRightSecretAfter(harness, 10);
  EXPECT_EQ(BillHarness::Outcome(harness.SignIn(right)), "423 BDC_1110");
  ASSERT_TRUE(harness.bill().ChangeUser("ann", {{"locked", false}}).ok());
  EXPECT_EQ(harness.SignIn(right).status, 200);
}

TEST(SignInTest, ARightSecretStartsTheCountOfWrongOnesAgain) {
  BillHarness harness;
  EXPECT_EQ(harness.SignIn(WithRightSecretAfter(harness, 9)).status, 200);
  EXPECT_EQ(harness.SignIn(WithRightSecretAfter(harness, 9)).status, 200);
}

TEST(SignInTest, TheLockOutCanBeOfTheOrganizationAndLapse) {
  BillHarness harness(
      R"({"lockout_failures": 3, "lockout_of_organization": true, "lockout_seconds": 600})");
  const json right = WithRightSecretAfter(harness, 3);
  EXPECT_EQ(BillHarness::Outcome(harness.SignIn(right)), "423 BDC_1107");
  EXPECT_EQ(harness.SignIn(With("organizationId", "0082")).status, 200);
  harness.clock().Advance(absl::Seconds(600));
  EXPECT_EQ(harness.SignIn(right).status, 200);
}

TEST(SignInTest, ANewPasswordRefusesTheOldOne) {
  BillHarness harness;
  ASSERT_TRUE(harness.bill().ChangeUser("ann", {{"password", "new"}}).ok());
  EXPECT_EQ(BillHarness::Outcome(harness.SignIn()), "400 BDC_1101");
  EXPECT_EQ(harness.SignIn(With("password", "new")).status, 200);
}

TEST(SignInTest, ANewSignInEndsTheOlderSessionOnlyWhereThatIsSet) {
  BillHarness keeps;
  const std::string first = keeps.Session();
  ASSERT_NE(keeps.Session(), "");
  EXPECT_EQ(keeps.Use(first).status, 200);

  BillHarness ends(R"({"new_sign_in_ends_old": true})");
  const std::string old = ends.Session();
  const std::string elsewhere = ends.Session(With("organizationId", "0082"));
  const std::string fresh = ends.Session();
  EXPECT_EQ(BillHarness::Outcome(ends.Use(old)), "401 BDC_1109");
  EXPECT_EQ(ends.Use(elsewhere).status, 200);
  EXPECT_EQ(ends.Use(fresh).status, 200);
}

}  // namespace
}  // namespace billbroker::billsim
