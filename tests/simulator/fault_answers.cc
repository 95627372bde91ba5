#include "tests/simulator/fault_answers.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "tests/simulator/errors.h"
#include "tests/simulator/json_fields.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;

HttpAnswer AnswerOf(int status, std::string body) {
  HttpAnswer answer;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}

std::string HugeBody() {
  constexpr std::size_t kTenMebibytes = 10 << 20;
  return absl::StrCat("{\"padding\":\"", std::string(kTenMebibytes, 'x'), "\"}");
}

std::string DeepBody() {
  constexpr std::size_t kDepth = 100'000;
  return absl::StrCat(std::string(kDepth, '['), std::string(kDepth, ']'));
}

HttpAnswer Redirect() {
  HttpAnswer answer = HtmlAnswer(302);
  answer.headers["Location"] = "/connect/v3/redirected";
  return answer;
}

// A validation error as BILL sends it: an entry without "code".
HttpAnswer WithoutCode(int status, const std::string& message, absl::Time now) {
  Settings settings;
  settings.error_shape = ErrorShape::kArrayWithoutCode;
  HttpAnswer answer = ErrorAnswer("BDC_1002", settings, now);
  json body = json::parse(answer.body);
  body[0]["message"] = message;
  return AnswerOf(status, JsonText(body));
}

HttpAnswer HttpError(const Fault& fault, const HttpCall& call, absl::Time now) {
  const int status = fault.http_status;
  switch (fault.body) {
    case FaultBody::kText: {
      HttpAnswer answer = AnswerOf(status, absl::StrCat("HTTP error ", status, "\n"));
      answer.content_type = "text/plain";
      return answer;
    }
    case FaultBody::kHtml:
      return HtmlAnswer(status);
    case FaultBody::kMessage:
      return AnswerOf(status, R"({"message":"Request was refused"})");
    case FaultBody::kErrors:
      return AnswerOf(status, R"({"errors":[{"message":"Request was refused"}]})");
    case FaultBody::kArrayWithoutCode:
      return WithoutCode(status, "must not be blank", now);
    case FaultBody::kEcho:
      return WithoutCode(status, absl::StrCat("JSON parse error: Cannot deserialize ", call.body),
                         now);
    case FaultBody::kEmpty:
      break;
  }
  HttpAnswer answer = AnswerOf(status, "");
  answer.content_type.clear();
  return answer;
}

HttpAnswer CodedError(absl::string_view code, int http_status, const Settings& settings,
                      absl::Time now) {
  HttpAnswer answer = ErrorAnswer(code, settings, now);
  answer.status = http_status;
  return answer;
}

HttpAnswer AnswerWithoutRetryAfter(const Fault& fault, const HttpCall& call,
                                   const Settings& settings, absl::Time now) {
  switch (fault.kind) {
    case FaultKind::kHttp503:
      return CodedError("BDC_1001", 503, settings, now);
    case FaultKind::kBillError:
      return CodedError(fault.code, fault.http_status, settings, now);
    case FaultKind::kV2Error:
      return V2ErrorAnswer(fault.code, fault.http_status);
    case FaultKind::kHttpError:
      return HttpError(fault, call, now);
    case FaultKind::kRateLimit429:
      return AnswerOf(429, R"({"message":"Too many requests"})");
    case FaultKind::kHtml502:
      return HtmlAnswer(502);
    case FaultKind::kRedirect302:
      return Redirect();
    case FaultKind::kHugeBody:
      return AnswerOf(200, HugeBody());
    case FaultKind::kGarbageJson:
      return AnswerOf(200, R"({"sessionId": "abc", ]]} \x00 nonsense)");
    case FaultKind::kDeepJson:
      return AnswerOf(200, DeepBody());
    default:
      return AnswerOf(200, "");
  }
}

}  // namespace

HttpAnswer FaultAnswer(const Fault& fault, const HttpCall& call, const Settings& settings,
                       absl::Time now) {
  HttpAnswer answer = AnswerWithoutRetryAfter(fault, call, settings, now);
  if (fault.retry_after_seconds.has_value()) {
    answer.headers["Retry-After"] = absl::StrCat(*fault.retry_after_seconds);
  }
  return answer;
}

}  // namespace billbroker::billsim
