#include "tests/simulator/errors.h"

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "tests/simulator/json_fields.h"

namespace billbroker::billsim {
namespace {

using nlohmann::json;

struct Row {
  absl::string_view code;
  int http_status;
  absl::string_view category;
  absl::string_view message;
};

// Messages follow BILL's list of errors if they are on it. A status that BILL does not document is
// a guess; the setting `http_status` changes it.
constexpr Row kRows[] = {
    {"BDC_1001", 503, "SERVER", "System error occurred."},
    {"BDC_1002", 400, "REQUEST", "Unknown error occurred."},
    {"BDC_1101", 400, "DOWNSTREAM", "User name and/or password do not match our records."},
    {"BDC_1102", 400, "DOWNSTREAM", "Developer key is invalid."},
    {"BDC_1103", 400, "DOWNSTREAM", "Developer key is inactive."},
    {"BDC_1104", 403, "DOWNSTREAM", "Developer terms of service have not been accepted."},
    {"BDC_1105", 403, "DOWNSTREAM", "API access is not enabled for this organization."},
    {"BDC_1106", 403, "DOWNSTREAM", "Partner type does not match."},
    {"BDC_1107", 423, "DOWNSTREAM", "Organization is locked out."},
    {"BDC_1109", 401, "DOWNSTREAM", "Session is invalid.  Please log in."},
    {"BDC_1110", 423, "DOWNSTREAM", "Login is locked."},
    {"BDC_1111", 403, "DOWNSTREAM", "No active user was found."},
    {"BDC_1120", 401, "DOWNSTREAM", "Session has expired."},
    {"BDC_1121", 404, "REQUEST", "API not supported."},
    {"BDC_1123", 400, "DOWNSTREAM", "Organization id is invalid."},
    {"BDC_1144", 422, "APPLICATION", "Max number of allowed requests per hour reached."},
    {"BDC_1322", 429, "APPLICATION", "Max number of concurrent requests per organization reached."},
    {"BDC_1354", 400, "DOWNSTREAM", "No MFA phone is registered for this user."},
    {"BDC_1356", 400, "DOWNSTREAM", "MFA code is invalid or has expired."},
    {"BDC_1358", 400, "DOWNSTREAM", "Too many MFA attempts."},
    {"BDC_1361", 403, "DOWNSTREAM", "Untrusted session. MFA is required for this operation."},
    {"BDC_1374", 400, "DOWNSTREAM", "MFA code has expired."},
    {"BDC_5324", 400, "DOWNSTREAM", "MFA action is blocked."},
};

Row RowOf(absl::string_view code) {
  for (const Row& row : kRows) {
    if (row.code == code) return row;
  }
  return {code, 400, "APPLICATION", "Request was refused."};
}

json ErrorEntry(const Row& row, const Settings& settings, absl::Time now) {
  json entry = {
      {"timestamp", absl::FormatTime("%Y-%m-%dT%H:%M:%E3S+00:00", now, absl::UTCTimeZone())},
      {"severity", "ERROR"},
      {"category", std::string(row.category)},
      {"message", settings.error_placeholders
                      ? absl::StrCat("Value ${paramName0} is invalid: ", row.message)
                      : std::string(row.message)},
  };
  if (settings.error_shape != ErrorShape::kArrayWithoutCode) entry["code"] = std::string(row.code);
  if (settings.error_params == ErrorParams::kArray) {
    entry["params"] = json::array({{{"name", "field"}, {"value", "unknown"}, {"additional", {}}}});
  } else if (settings.error_params == ErrorParams::kObject) {
    entry["params"] = {{"field", "unknown"}};
  }
  if (settings.error_extra_keys) {
    entry["detail"] = "";
    entry["help"] = "https://developer.bill.com/docs";
  }
  return entry;
}

json ErrorBody(const Row& row, const Settings& settings, absl::Time now) {
  const json entry = ErrorEntry(row, settings, now);
  switch (settings.error_shape) {
    case ErrorShape::kMessageObject:
      return {{"message", entry["message"]}};
    case ErrorShape::kErrorsObject:
      return {{"errors", json::array({entry})}};
    default:
      return json::array({entry});
  }
}

}  // namespace

HttpAnswer ErrorAnswer(absl::string_view code, const Settings& settings, absl::Time now) {
  const Row row = RowOf(code);
  const auto chosen = settings.http_status.find(std::string(code));
  const int status = chosen == settings.http_status.end() ? row.http_status : chosen->second;
  if (settings.error_shape == ErrorShape::kHtml) return HtmlAnswer(status);
  HttpAnswer answer;
  answer.status = status;
  if (settings.error_shape != ErrorShape::kEmpty)
    answer.body = JsonText(ErrorBody(row, settings, now));
  return answer;
}

HttpAnswer V2ErrorAnswer(absl::string_view code, int http_status) {
  const Row row = RowOf(code);
  HttpAnswer answer;
  answer.status = http_status;
  answer.body = JsonText(
      {{"response_status", 1},
       {"response_message", "Error"},
       {"response_data",
        {{"error_code", std::string(row.code)}, {"error_message", std::string(row.message)}}}});
  return answer;
}

HttpAnswer HtmlAnswer(int status) {
  HttpAnswer answer;
  answer.status = status;
  answer.content_type = "text/html";
  answer.body = absl::StrCat("<html><head><title>", status, "</title></head><body><center><h1>",
                             status, " from the gateway</h1></center></body></html>\n");
  return answer;
}

}  // namespace billbroker::billsim
