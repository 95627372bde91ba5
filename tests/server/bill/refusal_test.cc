#include "server/bill/refusal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/bill/bill_matchers.h"

namespace billbroker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNow =
    absl::FromCivil(absl::CivilSecond(2026, 3, 1, 12, 0, 0), absl::UTCTimeZone());

BillError Read(int status, absl::string_view body, absl::string_view content_type = "") {
  return ReadRefusal({status, content_type, "", body}, kNow);
}

std::string Entry(absl::string_view code) {
  return absl::StrCat(R"({"timestamp":"2026-03-01T12:00:00Z","code":")", code,
                      R"(","severity":"ERROR","category":"DOWNSTREAM","message":"m"})");
}

struct CodeCase {
  const char* code;
  Verdict verdict;
};

void PrintTo(const CodeCase& c, std::ostream* out) { *out << c.code; }

class KnownCodeTest : public ::testing::TestWithParam<CodeCase> {};

TEST_P(KnownCodeTest, DecidesForEveryHttpStatus) {
  const auto& [code, verdict] = GetParam();
  for (const int status : {200, 302, 400, 401, 403, 408, 422, 423, 425, 429, 500, 503}) {
    EXPECT_THAT(Read(status, absl::StrCat("[", Entry(code), "]")),
                AllOf(HasVerdict(verdict), HasCode(code), HasHttpStatus(status),
                      HasDelivery(Delivery::kMaybeSent),
                      HasDetail(absl::StrCat("HTTP ", status, " with ", code))));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Codes, KnownCodeTest,
    ::testing::Values(
        CodeCase{"BDC_1101", Verdict::kSecretRejected},
        CodeCase{"BDC_1102", Verdict::kDevKeyRejected},
        CodeCase{"BDC_1103", Verdict::kDevKeyRejected},
        CodeCase{"BDC_1104", Verdict::kDevKeyRejected},
        CodeCase{"BDC_1105", Verdict::kOrganizationRejected},
        CodeCase{"BDC_1106", Verdict::kOrganizationRejected},
        CodeCase{"BDC_1111", Verdict::kOrganizationRejected},
        CodeCase{"BDC_1123", Verdict::kOrganizationRejected},
        CodeCase{"BDC_1107", Verdict::kOrganizationLocked},
        CodeCase{"BDC_1110", Verdict::kUserLocked}, CodeCase{"BDC_1109", Verdict::kSessionInvalid},
        CodeCase{"BDC_1120", Verdict::kSessionInvalid},
        CodeCase{"BDC_1121", Verdict::kApiUnsupported}, CodeCase{"BDC_1144", Verdict::kRateLimited},
        CodeCase{"BDC_1322", Verdict::kTooManyConcurrent},
        CodeCase{"BDC_1354", Verdict::kMfaFailed}, CodeCase{"BDC_1356", Verdict::kMfaFailed},
        CodeCase{"BDC_1358", Verdict::kMfaFailed}, CodeCase{"BDC_1374", Verdict::kMfaFailed},
        CodeCase{"BDC_5324", Verdict::kMfaFailed}, CodeCase{"BDC_1361", Verdict::kUntrusted},
        CodeCase{"BDC_1570", Verdict::kUnavailable}, CodeCase{"BDC_1001", Verdict::kUnavailable},
        CodeCase{"BDC_1002", Verdict::kUnavailable}),
    [](const auto& c) { return std::string(c.param.code); });

TEST(RefusalTest, UnknownCodeIsRefusedUnlessTheServerFails) {
  EXPECT_THAT(Read(400, R"([{"code":"BDC_9"}])"), HasVerdict(Verdict::kRefused));
  EXPECT_THAT(Read(400, R"([{"code":"BDC_9"}])"), HasCode("BDC_9"));
  EXPECT_THAT(Read(200, R"([{"code":"BDC_999999"}])"), HasVerdict(Verdict::kRefused));
  EXPECT_THAT(Read(500, R"([{"code":"BDC_4711"}])"), HasVerdict(Verdict::kUnavailable));
  EXPECT_THAT(Read(500, R"([{"code":"BDC_4711"}])"), HasCode("BDC_4711"));
}

TEST(RefusalTest, ReadsEveryKnownErrorShape) {
  for (
      const std::string& body : {
          absl::StrCat("[", Entry("BDC_1109"), "]"),
          std::string(R"([{"message":"no code here"},{"code":"BDC_1109"}])"),
          std::string(R"([{"code":"BDC_1109","params":{"a":[1]},"detail":null,"help":"x"}])"),
          std::string(R"({"code":"BDC_1109","message":"m"})"),
          std::string(R"({"errors":[{"code":"BDC_1109"}]})"),
          std::string(R"({"errors":{"code":"BDC_1109"}})"),
          std::string(
              R"({"response_status":1,"response_message":"Error","response_data":{"error_code":"BDC_1109"}})"),
          std::string(R"([{"code":"BDC_1109","message":"{0} is invalid, ${user}"}])"),
          std::string(R"([7,"BDC_1101",null,[],{"code":1101},{"code":"BDC_1109"}])"),
      }) {
    EXPECT_THAT(Read(401, body), HasVerdict(Verdict::kSessionInvalid)) << body;
    EXPECT_THAT(Read(401, body), HasCode("BDC_1109")) << body;
  }
}

TEST(RefusalTest, MostTerminalKnownCodeWins) {
  const auto read = [](const std::vector<std::string>& codes) {
    std::string body = "[";
    for (const std::string& code : codes) {
      absl::StrAppend(&body, body.size() > 1 ? "," : "", Entry(code));
    }
    return Read(400, body + "]").code;
  };
  EXPECT_EQ(read({"BDC_1109", "BDC_1101"}), "BDC_1101");
  EXPECT_EQ(read({"BDC_1101", "BDC_1110"}), "BDC_1101");
  EXPECT_EQ(read({"BDC_1144", "BDC_1107"}), "BDC_1107");
  EXPECT_EQ(read({"BDC_1570", "BDC_1120"}), "BDC_1120");
  EXPECT_EQ(read({"BDC_1001", "BDC_1322"}), "BDC_1322");
  EXPECT_EQ(read({"BDC_9999", "BDC_1001"}), "BDC_1001");
  EXPECT_EQ(read({"BDC_1001", "BDC_9999"}), "BDC_1001");
  EXPECT_EQ(read({"BDC_9998", "BDC_9999"}), "BDC_9998");
}

TEST(RefusalTest, IgnoresMalformedCodes) {
  for (const absl::string_view code :
       {"", "BDC_", "BDC_1234567", "bdc_1101", "BDC_11O1", "BDC_1101 ", "XBDC_1101", "1101",
        "BDC_1101\\nforged log line", "{code}"}) {
    const BillError error = Read(400, absl::StrCat(R"([{"code":")", code, R"("}])"));
    EXPECT_THAT(error, HasCode("")) << code;
    EXPECT_THAT(error, HasVerdict(Verdict::kRefused)) << code;
  }
}

struct StatusCase {
  const char* name;
  int status;
  const char* content_type;
  const char* body;
  Verdict verdict;
  const char* detail;
};

void PrintTo(const StatusCase& c, std::ostream* out) { *out << c.name; }

class AnswerWithoutCodeTest : public ::testing::TestWithParam<StatusCase> {};

TEST_P(AnswerWithoutCodeTest, IsDescribedByStatusAndBody) {
  const StatusCase& c = GetParam();
  EXPECT_THAT(Read(c.status, c.body, c.content_type),
              AllOf(HasVerdict(c.verdict), HasCode(""), HasDetail(c.detail)));
}

INSTANTIATE_TEST_SUITE_P(
    Answers, AnswerWithoutCodeTest,
    ::testing::Values(
        StatusCase{"JsonMessage401", 401, "application/json", R"({"message":"Unauthorized"})",
                   Verdict::kRefused,
                   "HTTP 401 with a JSON body with neither the expected fields nor a code"},
        StatusCase{"JsonMessage403", 403, "application/json", R"({"message":"Forbidden"})",
                   Verdict::kRefused,
                   "HTTP 403 with a JSON body with neither the expected fields nor a code"},
        StatusCase{"EmptyArray400", 400, "", "[]", Verdict::kRefused,
                   "HTTP 400 with a JSON body with neither the expected fields nor a code"},
        StatusCase{"EmptyObject408", 408, "", "{}", Verdict::kUnavailable,
                   "HTTP 408 with a JSON body with neither the expected fields nor a code"},
        StatusCase{"Empty401", 401, "", "", Verdict::kUnavailable, "HTTP 401 with an empty body"},
        StatusCase{"Html403", 403, "text/html", "Access denied", Verdict::kUnavailable,
                   "HTTP 403 with an HTML body"},
        StatusCase{"Html502", 502, "", " <html>Bad Gateway", Verdict::kUnavailable,
                   "HTTP 502 with an HTML body"},
        StatusCase{"Empty200", 200, "", "", Verdict::kUnavailable, "HTTP 200 with an empty body"},
        StatusCase{"CutOff200", 200, "application/json", R"({"sessionId":)", Verdict::kUnavailable,
                   "HTTP 200 with a body that is not JSON"},
        StatusCase{"Blank204", 204, "", " \r\n", Verdict::kUnavailable,
                   "HTTP 204 with an empty body"},
        StatusCase{"Redirect302", 302, "", "", Verdict::kUnavailable,
                   "HTTP 302 with a redirect, which is never followed; check base_url"},
        StatusCase{"Html429", 429, "text/html", "<html>", Verdict::kThrottled,
                   "HTTP 429 with an HTML body"},
        StatusCase{"Empty429", 429, "", "", Verdict::kThrottled, "HTTP 429 with an empty body"},
        StatusCase{"Json429", 429, "", R"({"message":"slow down"})", Verdict::kThrottled,
                   "HTTP 429 with a JSON body with neither the expected fields nor a code"},
        StatusCase{"Html408", 408, "text/html", "<html>", Verdict::kUnavailable,
                   "HTTP 408 with an HTML body"},
        StatusCase{"Json425", 425, "", "{}", Verdict::kUnavailable,
                   "HTTP 425 with a JSON body with neither the expected fields nor a code"},
        StatusCase{"EmptyObject503", 503, "application/json", "{}", Verdict::kUnavailable,
                   "HTTP 503 with a JSON body with neither the expected fields nor a code"}),
    [](const auto& c) { return std::string(c.param.name); });

struct BodyCase {
  const char* content_type;
  const char* body;
  BodyKind kind;
};

TEST(RefusalTest, ReadsTheKindOfBody) {
  for (const BodyCase& c : {
           BodyCase{"", "", BodyKind::kEmpty},
           BodyCase{"text/html", " \n", BodyKind::kEmpty},
           BodyCase{"text/html", R"({"message":"JSON that is labelled as HTML"})", BodyKind::kJson},
           BodyCase{"", R"([{"code":"BDC_1101"}])", BodyKind::kJson},
           BodyCase{"", "<html>", BodyKind::kHtml},
           BodyCase{"TEXT/HTML", "Forbidden", BodyKind::kHtml},
           BodyCase{"application/json", R"({"sessionId":)", BodyKind::kOther},
       }) {
    EXPECT_EQ(Read(403, c.body, c.content_type).body, c.kind) << c.body;
    EXPECT_EQ(ReadShape({403, c.content_type, "", c.body}).body, c.kind) << c.body;
  }
}

TEST(RefusalTest, ShapeHasStatusAndCode) {
  const AnswerShape shape = ReadShape({503, "", "", R"([{"code":"BDC_1001"}])"});
  EXPECT_EQ(shape.http_status, 503);
  EXPECT_EQ(shape.code, "BDC_1001");
  EXPECT_FALSE(shape.IsGood());
  EXPECT_TRUE(ReadShape({200, "", "", R"({"status":"UP"})"}).IsGood());
  EXPECT_TRUE(ReadShape({404, "", "", ""}).IsGood());
  EXPECT_FALSE(AnswerShape().IsGood());
}

struct ShapeCase {
  const char* name;
  int status;
  const char* body;
  int health_status;
  const char* health_body;
  bool same;
};

void PrintTo(const ShapeCase& c, std::ostream* out) { *out << c.name; }

class SameShapeTest : public ::testing::TestWithParam<ShapeCase> {};

TEST_P(SameShapeTest, ComparesStatusAndCode) {
  const ShapeCase& c = GetParam();
  EXPECT_EQ(
      IsSameShape(Read(c.status, c.body), ReadShape({c.health_status, "", "", c.health_body})),
      c.same);
}

INSTANTIATE_TEST_SUITE_P(
    Answers, SameShapeTest,
    ::testing::Values(
        ShapeCase{"Uncoded401", 401, R"({"message":"Unauthorized"})", 401, "<html>", true},
        ShapeCase{"Redirect", 302, "", 302, "", true},
        ShapeCase{"OtherStatus", 401, "{}", 403, "{}", false},
        ShapeCase{"HealthyBill", 401, "{}", 200, R"({"status":"UP"})", false},
        ShapeCase{"CodeInAnswer", 401, R"([{"code":"BDC_9999"}])", 401, "{}", false},
        ShapeCase{"CodeInHealth", 401, "{}", 401, R"([{"code":"BDC_1109"}])", false},
        ShapeCase{"HtmlForAll", 200, "<html>Sign in to the Wi-Fi", 200, "<html>", true},
        ShapeCase{"EmptyForAll", 200, "", 200, "", true},
        ShapeCase{"EmptyButHealthy", 200, "", 200, R"({"status":"UP"})", false},
        ShapeCase{"JsonOfHealthyBill", 200, "{}", 200, R"({"status":"UP"})", false}),
    [](const auto& c) { return std::string(c.param.name); });

TEST(RefusalTest, LostAnswerHasNoShape) { EXPECT_FALSE(IsSameShape(BillError(), AnswerShape())); }

TEST(RefusalTest, DetailContainsNoTextOfBill) {
  const BillError error =
      Read(400, R"([{"code":"hostile-code","message":"hostile-message"}])", "hostile-type");
  EXPECT_THAT(error.detail, Not(HasSubstr("hostile")));
  EXPECT_THAT(Read(500, "hostile").detail, Not(HasSubstr("hostile")));
}

TEST(RefusalTest, RetryAfterIsSecondsOrADate) {
  EXPECT_EQ(ParseRetryAfter("120", kNow), absl::Seconds(120));
  EXPECT_EQ(ParseRetryAfter(" 0 ", kNow), absl::ZeroDuration());
  EXPECT_EQ(ParseRetryAfter("Sun, 01 Mar 2026 12:05:00 GMT", kNow), absl::Minutes(5));
  EXPECT_EQ(ParseRetryAfter("Sunday, 01-Mar-26 12:05:00 GMT", kNow), absl::Minutes(5));
  EXPECT_EQ(ParseRetryAfter("Sun Mar  1 12:05:00 2026", kNow), absl::Minutes(5));
}

TEST(RefusalTest, ReadsClockOfBill) {
  HttpAnswer answer = {429, "application/json", "", R"([{"code":"BDC_1144"}])"};
  EXPECT_EQ(ReadRefusal(answer, kNow).bill_time, absl::nullopt);
  answer.date = "Sun, 01 Mar 2026 12:05:00 GMT";
  EXPECT_EQ(ReadRefusal(answer, kNow).bill_time, kNow + absl::Minutes(5));
  answer.date = "yesterday";
  EXPECT_EQ(ReadRefusal(answer, kNow).bill_time, absl::nullopt);
}

TEST(RefusalTest, RetryAfterIsLimitedToAnHour) {
  EXPECT_EQ(ParseRetryAfter("99999999999999999999999", kNow), absl::Hours(1));
  EXPECT_EQ(ParseRetryAfter("3601", kNow), absl::Hours(1));
  EXPECT_EQ(ParseRetryAfter("Sun, 01 Mar 2026 11:00:00 GMT", kNow), absl::ZeroDuration());
  EXPECT_EQ(ParseRetryAfter("Mon, 01 Mar 2027 11:00:00 GMT", kNow), absl::Hours(1));
}

TEST(RefusalTest, IgnoresMalformedRetryAfter) {
  for (const absl::string_view value : {"", "soon", "-5", "1.5", "12 s", "2026-03-01T12:00:00Z"}) {
    EXPECT_EQ(ParseRetryAfter(value, kNow), absl::nullopt) << value;
  }
  EXPECT_EQ(ParseRetryAfter(std::string(1000, '1'), kNow), absl::nullopt);
}

TEST(RefusalTest, AnyRefusalHasRetryAfter) {
  const BillError error = ReadRefusal({422, "", "60", R"([{"code":"BDC_1144"}])"}, kNow);
  EXPECT_THAT(error, HasVerdict(Verdict::kRateLimited));
  EXPECT_EQ(error.retry_after, absl::Minutes(1));
  EXPECT_EQ(Read(503, "").retry_after, absl::nullopt);
}

}  // namespace
}  // namespace billbroker
