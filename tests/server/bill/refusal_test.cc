#include "server/bill/refusal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

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

constexpr CodeCase kCodes[] = {
    {"BDC_1101", Verdict::kSecretRejected},
    {"BDC_1102", Verdict::kDevKeyRejected},
    {"BDC_1103", Verdict::kDevKeyRejected},
    {"BDC_1104", Verdict::kDevKeyRejected},
    {"BDC_1105", Verdict::kOrganizationRejected},
    {"BDC_1106", Verdict::kOrganizationRejected},
    {"BDC_1111", Verdict::kOrganizationRejected},
    {"BDC_1123", Verdict::kOrganizationRejected},
    {"BDC_1107", Verdict::kOrganizationLocked},
    {"BDC_1110", Verdict::kUserLocked},
    {"BDC_1109", Verdict::kSessionInvalid},
    {"BDC_1144", Verdict::kRateLimited},
    {"BDC_1322", Verdict::kTooManyConcurrent},
    {"BDC_1354", Verdict::kMfaFailed},
    {"BDC_1356", Verdict::kMfaFailed},
    {"BDC_1358", Verdict::kMfaFailed},
    {"BDC_1374", Verdict::kMfaFailed},
    {"BDC_1361", Verdict::kUntrusted},
    {"BDC_1001", Verdict::kUnavailable},
    {"BDC_1002", Verdict::kUnavailable},
};

TEST(RefusalTest, TheCodeDecidesWhateverTheHttpStatus) {
  for (const CodeCase& c : kCodes) {
    for (const int status : {200, 302, 400, 401, 403, 422, 423, 429, 500, 503}) {
      const BillError error = Read(status, absl::StrCat("[", Entry(c.code), "]"));
      EXPECT_EQ(error.verdict, c.verdict) << c.code << " at " << status;
      EXPECT_EQ(error.code, c.code);
      EXPECT_EQ(error.http_status, status);
      EXPECT_EQ(error.delivery, Delivery::kMaybeSent);
      EXPECT_EQ(error.detail, absl::StrCat("HTTP ", status, " with ", c.code));
    }
  }
}

TEST(RefusalTest, AnUnknownCodeIsKeptAndRefusedUnlessTheServerIsIll) {
  EXPECT_EQ(Read(400, R"([{"code":"BDC_9"}])").verdict, Verdict::kRefused);
  EXPECT_EQ(Read(400, R"([{"code":"BDC_9"}])").code, "BDC_9");
  EXPECT_EQ(Read(200, R"([{"code":"BDC_999999"}])").verdict, Verdict::kRefused);
  EXPECT_EQ(Read(500, R"([{"code":"BDC_4711"}])").verdict, Verdict::kUnavailable);
  EXPECT_EQ(Read(500, R"([{"code":"BDC_4711"}])").code, "BDC_4711");
}

TEST(RefusalTest, ReadsEveryShapeThatWasSeen) {
  for (const std::string& body : {
           absl::StrCat("[", Entry("BDC_1109"), "]"),
           std::string(R"([{"message":"no code here"},{"code":"BDC_1109"}])"),
           std::string(R"([{"code":"BDC_1109","params":{"a":[1]},"detail":null,"help":"x"}])"),
           std::string(R"({"code":"BDC_1109","message":"m"})"),
           std::string(R"({"errors":[{"code":"BDC_1109"}]})"),
           std::string(R"({"errors":{"code":"BDC_1109"}})"),
           std::string(R"([{"code":"BDC_1109","message":"{0} is invalid, ${user}"}])"),
           std::string(R"([7,"BDC_1101",null,[],{"code":1101},{"code":"BDC_1109"}])"),
       }) {
    EXPECT_EQ(Read(401, body).verdict, Verdict::kSessionInvalid) << body;
    EXPECT_EQ(Read(401, body).code, "BDC_1109") << body;
  }
}

TEST(RefusalTest, OfSeveralCodesTheMostTerminalKnownOneWins) {
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
  EXPECT_EQ(read({"BDC_1001", "BDC_1322"}), "BDC_1322");
  EXPECT_EQ(read({"BDC_9999", "BDC_1001"}), "BDC_1001");
  EXPECT_EQ(read({"BDC_1001", "BDC_9999"}), "BDC_1001");
  EXPECT_EQ(read({"BDC_9998", "BDC_9999"}), "BDC_9998");
}

TEST(RefusalTest, WhatIsNoCodeIsIgnored) {
  for (const absl::string_view code :
       {"", "BDC_", "BDC_1234567", "bdc_1101", "BDC_11O1", "BDC_1101 ", "XBDC_1101", "1101",
        "BDC_1101\\nforged log line", "{code}"}) {
    const BillError error = Read(400, absl::StrCat(R"([{"code":")", code, R"("}])"));
    EXPECT_EQ(error.code, "") << code;
    EXPECT_EQ(error.verdict, Verdict::kRefused) << code;
  }
}

struct StatusCase {
  int status;
  const char* content_type;
  const char* body;
  Verdict verdict;
  const char* detail;
};

constexpr StatusCase kWithoutCode[] = {
    {401, "application/json", R"({"message":"Unauthorized"})", Verdict::kRefused,
     "HTTP 401 with a JSON body that has neither what was asked for nor a code"},
    {403, "application/json", R"({"message":"Forbidden"})", Verdict::kRefused,
     "HTTP 403 with a JSON body that has neither what was asked for nor a code"},
    {400, "", "[]", Verdict::kRefused,
     "HTTP 400 with a JSON body that has neither what was asked for nor a code"},
    {408, "", "{}", Verdict::kUnavailable,
     "HTTP 408 with a JSON body that has neither what was asked for nor a code"},
    {401, "", "", Verdict::kUnavailable, "HTTP 401 with an empty body"},
    {403, "text/html", "Access denied", Verdict::kUnavailable, "HTTP 403 with an HTML body"},
    {502, "", " <html>Bad Gateway", Verdict::kUnavailable, "HTTP 502 with an HTML body"},
    {200, "", "", Verdict::kUnavailable, "HTTP 200 with an empty body"},
    {200, "application/json", R"({"sessionId":)", Verdict::kUnavailable,
     "HTTP 200 with a body that is not JSON"},
    {204, "", " \r\n", Verdict::kUnavailable, "HTTP 204 with an empty body"},
    {302, "", "", Verdict::kUnavailable,
     "HTTP 302 with a redirect, which is never followed; check base_url"},
    {429, "text/html", "<html>", Verdict::kRateLimited, "HTTP 429 with an HTML body"},
    {429, "", "", Verdict::kRateLimited, "HTTP 429 with an empty body"},
    {503, "application/json", "{}", Verdict::kUnavailable,
     "HTTP 503 with a JSON body that has neither what was asked for nor a code"},
};

TEST(RefusalTest, WithoutACodeTheStatusSaysLittle) {
  for (const StatusCase& c : kWithoutCode) {
    const BillError error = Read(c.status, c.body, c.content_type);
    EXPECT_EQ(error.verdict, c.verdict) << c.status << " " << c.body;
    EXPECT_EQ(error.detail, c.detail);
    EXPECT_EQ(error.code, "");
  }
}

TEST(RefusalTest, NothingThatBillWroteComesOut) {
  const BillError error =
      Read(400, R"([{"code":"hostile-code","message":"hostile-message"}])", "hostile-type");
  EXPECT_THAT(error.detail, Not(HasSubstr("hostile")));
  EXPECT_THAT(Read(500, "hostile").detail, Not(HasSubstr("hostile")));
}

TEST(RefusalTest, RetryAfterIsReadAsSecondsOrAsADate) {
  EXPECT_EQ(ParseRetryAfter("120", kNow), absl::Seconds(120));
  EXPECT_EQ(ParseRetryAfter(" 0 ", kNow), absl::ZeroDuration());
  EXPECT_EQ(ParseRetryAfter("Sun, 01 Mar 2026 12:05:00 GMT", kNow), absl::Minutes(5));
  EXPECT_EQ(ParseRetryAfter("Sunday, 01-Mar-26 12:05:00 GMT", kNow), absl::Minutes(5));
  EXPECT_EQ(ParseRetryAfter("Sun Mar  1 12:05:00 2026", kNow), absl::Minutes(5));
}

TEST(RefusalTest, RetryAfterStaysBetweenZeroAndAnHour) {
  EXPECT_EQ(ParseRetryAfter("99999999999999999999999", kNow), absl::Hours(1));
  EXPECT_EQ(ParseRetryAfter("3601", kNow), absl::Hours(1));
  EXPECT_EQ(ParseRetryAfter("Sun, 01 Mar 2026 11:00:00 GMT", kNow), absl::ZeroDuration());
  EXPECT_EQ(ParseRetryAfter("Mon, 01 Mar 2027 11:00:00 GMT", kNow), absl::Hours(1));
}

TEST(RefusalTest, RetryAfterOfAnotherFormIsIgnored) {
  for (const absl::string_view value : {"", "soon", "-5", "1.5", "12 s", "2026-03-01T12:00:00Z"}) {
    EXPECT_EQ(ParseRetryAfter(value, kNow), absl::nullopt) << value;
  }
  EXPECT_EQ(ParseRetryAfter(std::string(1000, '1'), kNow), absl::nullopt);
}

TEST(RefusalTest, RetryAfterIsGivenWithAnyRefusal) {
  const BillError error = ReadRefusal({422, "", "60", R"([{"code":"BDC_1144"}])"}, kNow);
  EXPECT_EQ(error.verdict, Verdict::kRateLimited);
  EXPECT_EQ(error.retry_after, absl::Minutes(1));
  EXPECT_EQ(Read(503, "").retry_after, absl::nullopt);
}

}  // namespace
}  // namespace billbroker
