#include "server/bill/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/bill/organization_page.h"
#include "tests/server/bill/bill_matchers.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kOrganization[] = "00801ACMEPAYABLES0001";
constexpr char kUser[] = "00601ACMEUSER00000001";
constexpr char kSignedIn[] =
    R"({"sessionId":"session-id-of-payables-0001","organizationId":"00801ACMEPAYABLES0001","userId":"00601ACMEUSER00000001","trusted":true})";
constexpr char kInfo[] =
    R"({"organizationId":"00801ACMEPAYABLES0001","userId":"00601ACMEUSER00000001","mfaStatus":"DISABLED","mfaBypass":false})";

BillResult<SignInAnswer> SignIn(absl::string_view body, int status = 200) {
  return ReadSignIn({status, "application/json", "", body}, kOrganization, absl::UnixEpoch());
}

BillResult<PartnerSignInAnswer> PartnerSignIn(absl::string_view body, int status = 200) {
  return ReadPartnerSignIn({status, "application/json", "", body}, absl::UnixEpoch());
}

BillResult<SignInAnswer> SignInAsUser(absl::string_view body) {
  return ReadSignInAsUser({200, "application/json", "", body}, kOrganization, kUser,
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

TEST(SignInAnswerTest, ReturnsEveryField) {
  const auto answer = SignIn(kSignedIn);
  ASSERT_THAT(answer, Succeeded());
  EXPECT_EQ(answer.value().session_id.Reveal(), "session-id-of-payables-0001");
  EXPECT_EQ(answer.value().organization_id, kOrganization);
  EXPECT_EQ(answer.value().user_id, kUser);
  EXPECT_TRUE(answer.value().trusted);
}

TEST(SignInAnswerTest, OrganizationAndTrustAreOptional) {
  const auto answer = SignIn(
      R"({"sessionId":"session-id-of-payables-0001","userId":"006","trusted":null,"new":{"x":[]}})");
  ASSERT_THAT(answer, Succeeded());
  EXPECT_EQ(answer.value().organization_id, kOrganization);
  EXPECT_FALSE(answer.value().trusted);
}

TEST(PartnerAnswerTest, PartnerSignInReadsOnlyTheSessionId) {
  EXPECT_EQ(PartnerSignIn(R"({"sessionId":"partner-session-id-0001"})").value().session_id.Reveal(),
            "partner-session-id-0001");
  EXPECT_EQ(
      PartnerSignIn(R"({"sessionId":"partner-session-id-0001","userId":7,"organizationId":["x"]})")
          .value()
          .session_id.Reveal(),
      "partner-session-id-0001");
}

TEST(PartnerAnswerTest, PartnerSessionIdMustFitInAHeader) {
  for (const char* bad : {R"("")", R"("P\r\nX: 1")", R"("P 1")", "7", "null", "{}"}) {
    const auto answer = PartnerSignIn(absl::StrCat("{\"sessionId\":", bad, "}"));
    EXPECT_THAT(answer, HasVerdict(Verdict::kUnavailable)) << bad;
  }
  EXPECT_THAT(PartnerSignIn(R"({"sessionId":"partner-session-id-0001"})", 500), Not(Succeeded()));
  EXPECT_THAT(PartnerSignIn(R"([{"code":"BDC_1101"}])", 400), HasVerdict(Verdict::kSecretRejected));
}

TEST(PartnerAnswerTest, SignInAsUserNeedsNoUserId) {
  EXPECT_EQ(SignInAsUser(kSignedIn).value().user_id, kUser);
  const auto bare = SignInAsUser(R"({"sessionId":"session-id-of-payables-0001"})");
  ASSERT_THAT(bare, Succeeded());
  EXPECT_EQ(bare.value().user_id, kUser);
  EXPECT_EQ(bare.value().organization_id, kOrganization);
}

TEST(PartnerAnswerTest, RejectsSessionOfAnotherUser) {
  EXPECT_THAT(SignInAsUser(With(kSignedIn, kUser, "00602OTHERUSER0000002")),
              HasVerdict(Verdict::kUnavailable));
  EXPECT_THAT(SignInAsUser(With(kSignedIn, kUser, "00 6")), HasVerdict(Verdict::kUnavailable));
  EXPECT_THAT(SignInAsUser(With(kSignedIn, kOrganization, "00802OTHERORGANIZATION")),
              HasVerdict(Verdict::kUnavailable));
}

TEST(SignInAnswerTest, AcceptsEscapedAndLongestSessionId) {
  EXPECT_EQ(SignIn(With(kSignedIn, "session-id-of-payables-0001", R"(a\/b+\u003d=)"))
                .value()
                .session_id.Reveal(),
            "a/b+==");
  const std::string longest(512, 's');
  EXPECT_EQ(
      SignIn(With(kSignedIn, "session-id-of-payables-0001", longest)).value().session_id.Reveal(),
      longest);
}

// A value of a field that a sign-in must not accept.
struct MalformedField {
  const char* name;
  const char* field;
  std::string from;
  std::string to;
};

void PrintTo(const MalformedField& malformed, std::ostream* out) { *out << malformed.name; }

class MalformedSignInTest : public ::testing::TestWithParam<MalformedField> {};

TEST_P(MalformedSignInTest, IsUnavailableAndNamesTheField) {
  const auto answer = SignIn(With(kSignedIn, GetParam().from, GetParam().to));
  EXPECT_THAT(answer, AllOf(HasVerdict(Verdict::kUnavailable), HasDelivery(Delivery::kMaybeSent),
                            HasDetail(HasSubstr(GetParam().field))));
}

constexpr char kSessionId[] = "session-id-of-payables-0001";
constexpr char kQuotedSessionId[] = "\"session-id-of-payables-0001\"";
constexpr char kQuotedUserId[] = "\"00601ACMEUSER00000001\"";

INSTANTIATE_TEST_SUITE_P(
    Fields, MalformedSignInTest,
    ::testing::Values(
        MalformedField{"EmptySessionId", "sessionId", kQuotedSessionId, "\"\""},
        MalformedField{"NumberAsSessionId", "sessionId", kQuotedSessionId, "17"},
        MalformedField{"ObjectAsSessionId", "sessionId", kQuotedSessionId, R"({"a":"b"})"},
        MalformedField{"SpaceInSessionId", "sessionId", kSessionId, "S 1"},
        MalformedField{"HeaderInSessionId", "sessionId", kSessionId, R"(S\r\nX-Evil: 1)"},
        MalformedField{"NonAsciiSessionId", "sessionId", kSessionId, "\xc3\xa9"},
        MalformedField{"LongSessionId", "sessionId", kSessionId, std::string(513, 's')},
        MalformedField{"NoUserId", "userId", kQuotedUserId, "null"},
        MalformedField{"EmptyUserId", "userId", kUser, ""},
        MalformedField{"SpaceInUserId", "userId", kUser, "a b"},
        MalformedField{"LongUserId", "userId", kUser, std::string(65, '0')},
        MalformedField{"NumberAsOrganizationId", "organizationId", "\"00801ACMEPAYABLES0001\"",
                       "801"},
        MalformedField{"PathAsOrganizationId", "organizationId", kOrganization, "../x"},
        MalformedField{"TextAsTrusted", "trusted", "true", "\"true\""}),
    [](const auto& malformed) { return std::string(malformed.param.name); });

TEST(SignInAnswerTest, RejectsSessionOfAnotherOrganization) {
  EXPECT_THAT(SignIn(With(kSignedIn, kOrganization, "00802OTHERORGANIZATION")),
              AllOf(HasVerdict(Verdict::kUnavailable),
                    HasDetail(Not(HasSubstr("00802OTHERORGANIZATION")))));
}

TEST(SignInAnswerTest, AnswerWithoutASessionIsARefusal) {
  EXPECT_THAT(SignIn(R"([{"code":"BDC_1101"}])", 400), HasVerdict(Verdict::kSecretRejected));
  EXPECT_THAT(SignIn(R"([{"code":"BDC_1101"}])", 200), HasVerdict(Verdict::kSecretRejected));
  EXPECT_THAT(SignIn("", 200), HasVerdict(Verdict::kUnavailable));
  EXPECT_THAT(SignIn("<html>", 200), HasVerdict(Verdict::kUnavailable));
  EXPECT_THAT(SignIn(R"({"sessionId":null})", 200), HasVerdict(Verdict::kUnavailable));
}

// An answer with HTTP 200 to one of the calls.
struct SuccessfulCall {
  const char* name;
  Verdict (*read)(absl::string_view body);
  const char* body;  // a success
};

void PrintTo(const SuccessfulCall& call, std::ostream* out) { *out << call.name; }

template <auto read>
Verdict ReadVerdict(absl::string_view body) {
  const auto result = read({200, "application/json", "", body}, absl::UnixEpoch());
  EXPECT_FALSE(result.ok()) << body;
  return result.ok() ? Verdict::kUnavailable : result.error().verdict;
}

Verdict ReadVerdictOfSignIn(absl::string_view body) { return SignIn(body).error().verdict; }
Verdict ReadVerdictOfSignInAsUser(absl::string_view body) {
  return SignInAsUser(body).error().verdict;
}

class ErrorWithStatus200Test : public ::testing::TestWithParam<SuccessfulCall> {};

TEST_P(ErrorWithStatus200Test, IsThatError) {
  const SuccessfulCall& call = GetParam();
  EXPECT_EQ(call.read(R"([{"code":"BDC_1110"}])"), Verdict::kUserLocked);
  EXPECT_EQ(call.read(R"({"errors":[{"code":"BDC_1110"}]})"), Verdict::kUserLocked);
  EXPECT_EQ(call.read(R"({"response_data":{"error_code":"BDC_1110"}})"), Verdict::kUserLocked);
  EXPECT_EQ(call.read(R"([{"code":"BDC_9999"}])"), Verdict::kRefused);
}

TEST_P(ErrorWithStatus200Test, KnownCodeOverridesTheExpectedFields) {
  const std::string both = With(GetParam().body, "}", R"(,"code":"BDC_1120"})");
  EXPECT_EQ(GetParam().read(both), Verdict::kSessionInvalid);
}

constexpr char kPage[] = R"({"results":[]})";

INSTANTIATE_TEST_SUITE_P(
    Calls, ErrorWithStatus200Test,
    ::testing::Values(
        SuccessfulCall{"SignIn", &ReadVerdictOfSignIn, kSignedIn},
        SuccessfulCall{"PartnerSignIn", &ReadVerdict<&ReadPartnerSignIn>,
                       R"({"sessionId":"partner-session-id-0001"})"},
        SuccessfulCall{"SignInAsUser", &ReadVerdictOfSignInAsUser, kSignedIn},
        SuccessfulCall{"SessionInfo", &ReadVerdict<&ReadSessionInfo>, kInfo},
        SuccessfulCall{"StepUp", &ReadVerdict<&ReadSteppedUp>, R"({"trusted":true})"},
        SuccessfulCall{"Validate", &ReadVerdict<&ReadMfaValidated>, R"({"rememberMeId":"r-1"})"},
        SuccessfulCall{"Challenge", &ReadVerdict<&ReadMfaChallenge>, R"({"challengeId":"c-1"})"},
        SuccessfulCall{"Organizations", &ReadVerdict<&ReadOrganizationPage>, kPage}),
    [](const auto& call) { return std::string(call.param.name); });

TEST(SignInAnswerTest, UnknownCodeBesideASessionIsIgnored) {
  EXPECT_THAT(SignIn(With(kSignedIn, "}", R"(,"code":"BDC_9999"})")), Succeeded());
}

TEST(SignInAnswerTest, IgnoresSessionInAnErrorAnswer) {
  EXPECT_THAT(SignIn(kSignedIn, 500), HasVerdict(Verdict::kUnavailable));
  EXPECT_THAT(SignIn(kSignedIn, 302), HasVerdict(Verdict::kUnavailable));
  EXPECT_THAT(SignIn(kSignedIn, 401), HasVerdict(Verdict::kRefused));
}

struct TrustCase {
  const char* name;
  const char* mfa_status;  // JSON
  const char* mfa_bypass;  // JSON
  bool trusted;
};

void PrintTo(const TrustCase& trust, std::ostream* out) { *out << trust.name; }

class SessionTrustTest : public ::testing::TestWithParam<TrustCase> {};

TEST_P(SessionTrustTest, DependsOnBypassAndMfaStatus) {
  const auto info = Info(
      With(With(kInfo, "\"DISABLED\"", GetParam().mfa_status), "false", GetParam().mfa_bypass));
  ASSERT_THAT(info, Succeeded());
  EXPECT_EQ(info.value().trusted, GetParam().trusted);
  EXPECT_EQ(info.value().organization_id, kOrganization);
  EXPECT_EQ(info.value().user_id, kUser);
}

INSTANTIATE_TEST_SUITE_P(Fields, SessionTrustTest,
                         ::testing::Values(TrustCase{"Disabled", "\"DISABLED\"", "false", false},
                                           TrustCase{"Setup", "\"SETUP\"", "false", false},
                                           TrustCase{"Challenge", "\"CHALLENGE\"", "false", false},
                                           TrustCase{"Undefined", "\"UNDEFINED\"", "false", false},
                                           TrustCase{"Complete", "\"COMPLETE\"", "false", true},
                                           TrustCase{"Bypass", "\"DISABLED\"", "true", true},
                                           TrustCase{"UnknownWord", "\"NEWWORD\"", "false", false},
                                           TrustCase{"Null", "null", "null", false},
                                           TrustCase{"Number", "7", "false", false}),
                         [](const auto& trust) { return std::string(trust.param.name); });

TEST(SessionInfoTest, MalformedFieldIsUnavailable) {
  for (const std::string& body :
       {With(kInfo, "00801ACMEPAYABLES0001", "bad id"),
        With(kInfo, "\"00601ACMEUSER00000001\"", "6"), With(kInfo, "false", "\"false\""),
        std::string("{}"), std::string("true")}) {
    const auto info = Info(body);
    EXPECT_THAT(info, HasVerdict(Verdict::kUnavailable)) << body;
  }
}

TEST(SessionInfoTest, OnlyTheCodeMeansADeadSession) {
  EXPECT_THAT(Info(R"([{"code":"BDC_1109"}])", 401), HasVerdict(Verdict::kSessionInvalid));
  EXPECT_THAT(Info(R"([{"code":"BDC_1109"}])", 200), HasVerdict(Verdict::kSessionInvalid));
  EXPECT_THAT(Info(R"({"message":"Unauthorized"})", 401), HasVerdict(Verdict::kRefused));
  EXPECT_THAT(Info("", 401), HasVerdict(Verdict::kUnavailable));
}

TEST(SessionInfoTest, BareTooManyRequestsIsNotTheHourlyLimit) {
  EXPECT_THAT(Info("", 429), AllOf(HasVerdict(Verdict::kThrottled), HasCode("")));
  EXPECT_THAT(Info(R"([{"code":"BDC_1144"}])", 429), HasVerdict(Verdict::kRateLimited));
}

TEST(HealthTest, AnyAnswerHasAShape) {
  const auto read = [](int status, absl::string_view body) {
    return ReadHealth({status, "", "", body}, absl::UnixEpoch());
  };
  EXPECT_EQ(read(200, R"({"status":"UP"})").value().http_status, 200);
  EXPECT_EQ(read(401, "<html>").value().body, BodyKind::kHtml);
  EXPECT_EQ(read(503, R"([{"code":"BDC_1001"}])").value().code, "BDC_1001");
}

TEST(SignInAnswerTest, MalformedAnswerHasAKindOfBody) {
  const auto malformed = SignIn(R"({"sessionId":"","userId":7})");
  ASSERT_THAT(malformed, HasHttpStatus(200));
  EXPECT_EQ(malformed.error().body, BodyKind::kJson);
}

TEST(MfaAnswerTest, IdIsReadFromEitherField) {
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
    EXPECT_THAT(none, HasVerdict(Verdict::kUnavailable)) << body;
  }
  for (const char* code : {"BDC_1354", "BDC_1356", "BDC_1358", "BDC_1374", "BDC_5324"}) {
    const auto refused = read(absl::StrCat(R"([{"code":")", code, R"("}])"), 400);
    EXPECT_THAT(refused, HasVerdict(Verdict::kMfaFailed)) << code;
    EXPECT_FALSE(MfaAdvice(refused.error().code).empty()) << code;
  }
  EXPECT_TRUE(MfaAdvice("BDC_1101").empty());
}

TEST(MfaAnswerTest, ChallengeNeedsAnId) {
  const auto read = [](absl::string_view body) {
    return ReadMfaChallenge({200, "application/json", "", body}, absl::UnixEpoch());
  };
  EXPECT_EQ(read(R"({"challengeId":"c \u0041"})").value().id.Reveal(), "c A");
  EXPECT_THAT(read(R"({"challengeId":""})"), HasVerdict(Verdict::kUnavailable));
  EXPECT_THAT(read("{}"), HasVerdict(Verdict::kUnavailable));
  EXPECT_THAT(read(R"([{"code":"BDC_1109"}])"), HasVerdict(Verdict::kSessionInvalid));
}

TEST(MfaAnswerTest, StepUpReturnsTrust) {
  const auto read = [](absl::string_view body) {
    return ReadSteppedUp({200, "application/json", "", body}, absl::UnixEpoch());
  };
  EXPECT_TRUE(read(R"({"trusted":true})").value().trusted);
  EXPECT_FALSE(read(R"({"trusted":false})").value().trusted);
  EXPECT_THAT(read(R"({"trusted":"true"})"), HasVerdict(Verdict::kUnavailable));
  EXPECT_THAT(read(R"({"trusted":null})"), HasVerdict(Verdict::kUnavailable));
  EXPECT_THAT(read(""), HasVerdict(Verdict::kUnavailable));
}

TEST(SignOutTest, SuccessAndUnknownSessionEndTheSession) {
  EXPECT_THAT(SignOut(200, ""), Succeeded());
  EXPECT_THAT(SignOut(204, ""), Succeeded());
  EXPECT_THAT(SignOut(200, "{}"), Succeeded());
  EXPECT_THAT(SignOut(202, "bye"), Succeeded());
  EXPECT_THAT(SignOut(200, R"([{"code":"BDC_4711","severity":"INFORMATION"}])"), Succeeded());
  EXPECT_THAT(SignOut(401, R"([{"code":"BDC_1109"}])"), Succeeded());
  EXPECT_THAT(SignOut(200, R"([{"code":"BDC_1109"}])"), Succeeded());
  EXPECT_THAT(SignOut(401, R"([{"code":"BDC_1120"}])"), Succeeded());
}

TEST(SignOutTest, RefusalDoesNotEndTheSession) {
  EXPECT_THAT(SignOut(200, R"([{"code":"BDC_1144"}])"), HasVerdict(Verdict::kRateLimited));
  EXPECT_THAT(SignOut(401, "{}"), HasVerdict(Verdict::kRefused));
  EXPECT_THAT(SignOut(503, ""), HasVerdict(Verdict::kUnavailable));
  EXPECT_THAT(SignOut(302, ""), HasVerdict(Verdict::kUnavailable));
}

TEST(HeaderSafeTest, AcceptsVisibleAsciiUpToTheLimit) {
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
