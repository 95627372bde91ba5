#include "server/bill/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace billbroker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kOrganization[] = "00801ACME";
constexpr char kSignedIn[] =
    R"({"sessionId":"S-1","organizationId":"00801ACME","userId":"00601USER","trusted":true})";
constexpr char kInfo[] =
    R"({"organizationId":"00801ACME","userId":"00601USER","mfaStatus":"DISABLED","mfaBypass":false})";

BillResult<SignInAnswer> SignIn(absl::string_view body, int status = 200) {
  return ReadSignIn({status, "application/json", "", body}, kOrganization, absl::UnixEpoch());
}

BillResult<PartnerSignInAnswer> PartnerSignIn(absl::string_view body, int status = 200) {
  return ReadPartnerSignIn({status, "application/json", "", body}, absl::UnixEpoch());
}

BillResult<SignInAnswer> SignInAsUser(absl::string_view body) {
  return ReadSignInAsUser({200, "application/json", "", body}, kOrganization, "00601USER",
                          absl::UnixEpoch());
}

BillResult<SessionInfo> Info(absl::string_view body, int status = 200) {
  return ReadSessionInfo({status, "application/json", "", body}, absl::UnixEpoch());
}

BillResult<SignedOut> SignOut(int status, absl::string_view body) {
  return ReadSignOut({status, "application/json", "", body}, absl::UnixEpoch());
}

std::string With(absl::string_view body, absl::string_view from, absl::string_view to) {
  return absl::StrReplaceAll(body, {{from, to}});
}

TEST(SignInAnswerTest, HoldsWhatBillSaid) {
  const auto answer = SignIn(kSignedIn);
  ASSERT_TRUE(answer.ok()) << answer.error().detail;
  EXPECT_EQ(answer.value().session_id.Reveal(), "S-1");
  EXPECT_EQ(answer.value().organization_id, kOrganization);
  EXPECT_EQ(answer.value().user_id, "00601USER");
  EXPECT_TRUE(answer.value().trusted);
}

TEST(SignInAnswerTest, NeedsNoOrganizationNorTrust) {
  const auto answer = SignIn(R"({"sessionId":"S-1","userId":"006","trusted":null,"new":{"x":[]}})");
  ASSERT_TRUE(answer.ok()) << answer.error().detail;
  EXPECT_EQ(answer.value().organization_id, kOrganization);
  EXPECT_FALSE(answer.value().trusted);
}

TEST(PartnerAnswerTest, APartnersSessionIsItsSessionIdWhateverElseBillSays) {
  EXPECT_EQ(PartnerSignIn(R"({"sessionId":"P-1"})").value().session_id.Reveal(), "P-1");
  EXPECT_EQ(PartnerSignIn(R"({"sessionId":"P-1","userId":7,"organizationId":["x"]})")
                .value()
                .session_id.Reveal(),
            "P-1");
}

TEST(PartnerAnswerTest, APartnersSessionIdGoesIntoAHeader) {
  for (const char* bad : {R"("")", R"("P\r\nX: 1")", R"("P 1")", "7", "null", "{}"}) {
    const auto answer = PartnerSignIn(absl::StrCat("{\"sessionId\":", bad, "}"));
    ASSERT_FALSE(answer.ok()) << bad;
    EXPECT_EQ(answer.error().verdict, Verdict::kUnavailable) << bad;
  }
  EXPECT_FALSE(PartnerSignIn(R"({"sessionId":"P-1"})", 500).ok());
  EXPECT_EQ(PartnerSignIn(R"([{"code":"BDC_1101"}])", 400).error().verdict,
            Verdict::kSecretRejected);
}

TEST(PartnerAnswerTest, ASessionAsAUserNeedNotNameIt) {
  EXPECT_EQ(SignInAsUser(kSignedIn).value().user_id, "00601USER");
  const auto bare = SignInAsUser(R"({"sessionId":"S-1"})");
  ASSERT_TRUE(bare.ok()) << bare.error().detail;
  EXPECT_EQ(bare.value().user_id, "00601USER");
  EXPECT_EQ(bare.value().organization_id, kOrganization);
}

TEST(PartnerAnswerTest, ASessionOfSomeoneElseIsOutOfShape) {
  EXPECT_THAT(SignInAsUser(With(kSignedIn, "00601USER", "00602USER")).error().detail,
              HasSubstr("another user"));
  EXPECT_THAT(SignInAsUser(With(kSignedIn, "00601USER", "00 6")).error().detail,
              HasSubstr("userId"));
  EXPECT_THAT(SignInAsUser(With(kSignedIn, "00801ACME", "00802")).error().detail,
              HasSubstr("another organization"));
}

TEST(SignInAnswerTest, TakesASessionIdWithEscapesAndOfTheGreatestLength) {
  EXPECT_EQ(SignIn(With(kSignedIn, "S-1", R"(a\/b+\u003d=)")).value().session_id.Reveal(),
            "a/b+==");
  const std::string longest(512, 's');
  EXPECT_EQ(SignIn(With(kSignedIn, "S-1", longest)).value().session_id.Reveal(), longest);
}

TEST(SignInAnswerTest, OutOfShapeIsUnavailableAndNamesTheField) {
  const struct {
    std::string body;
    const char* field;
  } cases[] = {
      {With(kSignedIn, "\"S-1\"", "\"\""), "sessionId"},
      {With(kSignedIn, "\"S-1\"", "17"), "sessionId"},
      {With(kSignedIn, "\"S-1\"", R"({"a":"b"})"), "sessionId"},
      {With(kSignedIn, "S-1", "S 1"), "sessionId"},
      {With(kSignedIn, "S-1", R"(S\r\nX-Evil: 1)"), "sessionId"},
      {With(kSignedIn, "S-1", "\xc3\xa9"), "sessionId"},
      {With(kSignedIn, "S-1", std::string(513, 's')), "sessionId"},
      {With(kSignedIn, "\"00601USER\"", "null"), "userId"},
      {With(kSignedIn, "00601USER", ""), "userId"},
      {With(kSignedIn, "00601USER", "a b"), "userId"},
      {With(kSignedIn, "00601USER", std::string(65, '0')), "userId"},
      {With(kSignedIn, "\"00801ACME\"", "801"), "organizationId"},
      {With(kSignedIn, "00801ACME", "../x"), "organizationId"},
      {With(kSignedIn, "true", "\"true\""), "trusted"},
  };
  for (const auto& c : cases) {
    const auto answer = SignIn(c.body);
    ASSERT_FALSE(answer.ok()) << c.body;
    EXPECT_EQ(answer.error().verdict, Verdict::kUnavailable) << c.body;
    EXPECT_THAT(answer.error().detail, HasSubstr(c.field));
    EXPECT_EQ(answer.error().delivery, Delivery::kMaybeSent);
  }
}

TEST(SignInAnswerTest, OfAnotherOrganizationIsNotTaken) {
  const auto answer = SignIn(With(kSignedIn, "00801ACME", "00802OTHER"));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().verdict, Verdict::kUnavailable);
  EXPECT_THAT(answer.error().detail, HasSubstr("another organization"));
  EXPECT_THAT(answer.error().detail, Not(HasSubstr("00802OTHER")));
}

TEST(SignInAnswerTest, WithoutASessionIsARefusal) {
  EXPECT_EQ(SignIn(R"([{"code":"BDC_1101"}])", 400).error().verdict, Verdict::kSecretRejected);
  EXPECT_EQ(SignIn(R"([{"code":"BDC_1101"}])", 200).error().verdict, Verdict::kSecretRejected);
  EXPECT_EQ(SignIn("", 200).error().verdict, Verdict::kUnavailable);
  EXPECT_EQ(SignIn("<html>", 200).error().verdict, Verdict::kUnavailable);
  EXPECT_EQ(SignIn(R"({"sessionId":null})", 200).error().verdict, Verdict::kUnavailable);
}

TEST(SignInAnswerTest, ASessionInARefusalIsNotTaken) {
  EXPECT_EQ(SignIn(kSignedIn, 500).error().verdict, Verdict::kUnavailable);
  EXPECT_EQ(SignIn(kSignedIn, 302).error().verdict, Verdict::kUnavailable);
  EXPECT_EQ(SignIn(kSignedIn, 401).error().verdict, Verdict::kRefused);
}

TEST(SessionInfoTest, IsTrustedByBypassOrByCompleteMfa) {
  const struct {
    const char* status;
    const char* bypass;
    bool trusted;
  } cases[] = {
      {"\"DISABLED\"", "false", false},
      {"\"SETUP\"", "false", false},
      {"\"CHALLENGE\"", "false", false},
      {"\"UNDEFINED\"", "false", false},
      {"\"COMPLETE\"", "false", true},
      {"\"DISABLED\"", "true", true},
      {"\"NEWWORD\"", "false", false},
      {"null", "null", false},
      {"7", "false", false},
  };
  for (const auto& c : cases) {
    const auto info = Info(With(With(kInfo, "\"DISABLED\"", c.status), "false", c.bypass));
    ASSERT_TRUE(info.ok()) << c.status << ": " << info.error().detail;
    EXPECT_EQ(info.value().trusted, c.trusted) << c.status << " " << c.bypass;
    EXPECT_EQ(info.value().organization_id, "00801ACME");
    EXPECT_EQ(info.value().user_id, "00601USER");
  }
}

TEST(SessionInfoTest, OutOfShapeIsUnavailable) {
  for (const std::string& body :
       {With(kInfo, "00801ACME", "bad id"), With(kInfo, "\"00601USER\"", "6"),
        With(kInfo, "false", "\"false\""), std::string("{}"), std::string("true")}) {
    const auto info = Info(body);
    ASSERT_FALSE(info.ok()) << body;
    EXPECT_EQ(info.error().verdict, Verdict::kUnavailable) << body;
  }
}

TEST(SessionInfoTest, OnlyTheCodeSaysThatTheSessionDied) {
  EXPECT_EQ(Info(R"([{"code":"BDC_1109"}])", 401).error().verdict, Verdict::kSessionInvalid);
  EXPECT_EQ(Info(R"([{"code":"BDC_1109"}])", 200).error().verdict, Verdict::kSessionInvalid);
  EXPECT_EQ(Info(R"({"message":"Unauthorized"})", 401).error().verdict, Verdict::kRefused);
  EXPECT_EQ(Info("", 401).error().verdict, Verdict::kUnavailable);
}

TEST(MfaAnswerTest, TheIdIsReadFromEitherField) {
  const auto read = [](absl::string_view body, int status = 200) {
    return ReadMfaValidated({status, "application/json", "", body}, absl::UnixEpoch());
  };
  EXPECT_EQ(read(R"({"rememberMeId":"r-1"})").value().remember_me_id.Reveal(), "r-1");
  EXPECT_EQ(read(R"({"mfaId":"m-1","other":[1]})").value().remember_me_id.Reveal(), "m-1");
  EXPECT_EQ(read(R"({"rememberMeId":null,"mfaId":"m-1"})").value().remember_me_id.Reveal(), "m-1");
  for (const std::string& body :
       {std::string("{}"), std::string(R"({"rememberMeId":""})"), std::string(R"({"mfaId":7})"),
        std::string("[]"), R"({"mfaId":")" + std::string(1025, 'x') + "\"}"}) {
    const auto none = read(body);
    ASSERT_FALSE(none.ok()) << body;
    EXPECT_EQ(none.error().verdict, Verdict::kUnavailable) << body;
  }
  for (const char* code : {"BDC_1354", "BDC_1356", "BDC_1358", "BDC_1374"}) {
    const auto refused = read(absl::StrCat(R"([{"code":")", code, R"("}])"), 400);
    EXPECT_EQ(refused.error().verdict, Verdict::kMfaFailed) << code;
    EXPECT_FALSE(MfaAdvice(refused.error().code).empty()) << code;
  }
  EXPECT_TRUE(MfaAdvice("BDC_1101").empty());
}

TEST(MfaAnswerTest, AChallengeHasAnId) {
  const auto read = [](absl::string_view body) {
    return ReadMfaChallenge({200, "application/json", "", body}, absl::UnixEpoch());
  };
  EXPECT_EQ(read(R"({"challengeId":"c \u0041"})").value().id.Reveal(), "c A");
  EXPECT_EQ(read(R"({"challengeId":""})").error().verdict, Verdict::kUnavailable);
  EXPECT_EQ(read("{}").error().verdict, Verdict::kUnavailable);
  EXPECT_EQ(read(R"([{"code":"BDC_1109"}])").error().verdict, Verdict::kSessionInvalid);
}

TEST(MfaAnswerTest, AStepUpSaysWhetherItHelped) {
  const auto read = [](absl::string_view body) {
    return ReadSteppedUp({200, "application/json", "", body}, absl::UnixEpoch());
  };
  EXPECT_TRUE(read(R"({"trusted":true})").value().trusted);
  EXPECT_FALSE(read(R"({"trusted":false})").value().trusted);
  EXPECT_EQ(read(R"({"trusted":"true"})").error().verdict, Verdict::kUnavailable);
  EXPECT_EQ(read(R"({"trusted":null})").error().verdict, Verdict::kUnavailable);
  EXPECT_EQ(read("").error().verdict, Verdict::kUnavailable);
}

TEST(SignOutTest, AnySuccessAndAnUnknownSessionAreAnEnd) {
  EXPECT_TRUE(SignOut(200, "").ok());
  EXPECT_TRUE(SignOut(204, "").ok());
  EXPECT_TRUE(SignOut(200, "{}").ok());
  EXPECT_TRUE(SignOut(202, "bye").ok());
  EXPECT_TRUE(SignOut(200, R"([{"code":"BDC_4711","severity":"INFORMATION"}])").ok());
  EXPECT_TRUE(SignOut(401, R"([{"code":"BDC_1109"}])").ok());
  EXPECT_TRUE(SignOut(200, R"([{"code":"BDC_1109"}])").ok());
}

TEST(SignOutTest, ARefusalIsNone) {
  EXPECT_EQ(SignOut(200, R"([{"code":"BDC_1144"}])").error().verdict, Verdict::kRateLimited);
  EXPECT_EQ(SignOut(401, "{}").error().verdict, Verdict::kRefused);
  EXPECT_EQ(SignOut(503, "").error().verdict, Verdict::kUnavailable);
  EXPECT_EQ(SignOut(302, "").error().verdict, Verdict::kUnavailable);
}

TEST(HeaderSafeTest, IsVisibleAsciiOfBoundedLength) {
  EXPECT_TRUE(IsHeaderSafe("!~"));
  EXPECT_TRUE(IsHeaderSafe(std::string(512, 'x')));
  for (const std::string& value :
       {std::string(), std::string(513, 'x'), std::string("a b"), std::string("a\r\n"),
        std::string("\x7f"), std::string("\0", 1), std::string("\xff")}) {
    EXPECT_FALSE(IsHeaderSafe(value));
  }
}

}  // namespace
}  // namespace billbroker
