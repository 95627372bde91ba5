#include "server/bill/refusal.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "vault/base/json/json_view.h"

namespace billbroker {
namespace {

constexpr absl::Duration kLongestRetryAfter = absl::Hours(1);
// Of a header with a time.
constexpr std::size_t kLongestValue = 64;

struct KnownCode {
  absl::string_view code;
  Verdict verdict;
};

// Ordered by precedence, the most terminal first: the first of several codes in one answer wins.
constexpr KnownCode kKnownCodes[] = {
    {"BDC_1101", Verdict::kSecretRejected},
    {"BDC_1102", Verdict::kDevKeyRejected},
    {"BDC_1103", Verdict::kDevKeyRejected},
    {"BDC_1104", Verdict::kDevKeyRejected},
    {"BDC_1105", Verdict::kOrganizationRejected},
    {"BDC_1106", Verdict::kOrganizationRejected},
    {"BDC_1111", Verdict::kOrganizationRejected},
    {"BDC_1123", Verdict::kOrganizationRejected},
    {"BDC_1110", Verdict::kUserLocked},
    {"BDC_1107", Verdict::kOrganizationLocked},
    {"BDC_1361", Verdict::kUntrusted},
    {"BDC_1358", Verdict::kMfaFailed},
    {"BDC_1354", Verdict::kMfaFailed},
    {"BDC_1356", Verdict::kMfaFailed},
    {"BDC_1374", Verdict::kMfaFailed},
    {"BDC_5324", Verdict::kMfaFailed},
    {"BDC_1109", Verdict::kSessionInvalid},
    {"BDC_1120", Verdict::kSessionInvalid},
    {"BDC_1121", Verdict::kApiUnsupported},
    {"BDC_1144", Verdict::kRateLimited},
    {"BDC_1322", Verdict::kTooManyConcurrent},
    {"BDC_1570", Verdict::kUnavailable},
    {"BDC_1001", Verdict::kUnavailable},
    {"BDC_1002", Verdict::kUnavailable},
};

const KnownCode* FindKnown(absl::string_view code) {
  return std::find_if(std::begin(kKnownCodes), std::end(kKnownCodes),
                      [&](const KnownCode& known) { return known.code == code; });
}

// "BDC_" and 1 to 6 digits: anything else might carry BILL's text into a log.
bool IsCode(absl::string_view text) {
  constexpr absl::string_view kPrefix = "BDC_";
  if (!absl::StartsWith(text, kPrefix)) return false;
  const absl::string_view digits = text.substr(kPrefix.size());
  return !digits.empty() && digits.size() <= 6 &&
         std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit);
}

// The code that decides; empty if there is none. A known code overrides an unknown code.
class DecidingCode final {
 public:
  void See(JsonView entry, absl::string_view name = "code") {
    const absl::optional<JsonView> member = entry.Find(name);
    if (!member.has_value()) return;
    constexpr std::size_t kLongestCode = 10;
    const absl::optional<SecretString> text = member->Text(kLongestCode);
    if (!text.has_value() || !IsCode(text->Reveal())) return;
    const KnownCode* known = FindKnown(text->Reveal());
    if (!code_.empty() && known >= known_) return;
    known_ = known;
    code_ = std::string(text->Reveal());
  }

  [[nodiscard]] const std::string& code() const { return code_; }
  [[nodiscard]] absl::optional<Verdict> verdict() const { return VerdictOfCode(code_); }

 private:
  const KnownCode* known_ = std::end(kKnownCodes);
  std::string code_;
};

DecidingCode ReadCodes(JsonView body) {
  DecidingCode deciding;
  const auto see = [&deciding](JsonView entry) { deciding.See(entry); };
  see(body);
  body.ForEach(see);
  if (const absl::optional<JsonView> errors = body.Find("errors")) {
    see(*errors);
    errors->ForEach(see);
  }
  if (const absl::optional<JsonView> data = body.Find("response_data")) {
    deciding.See(*data, "error_code");
  }
  return deciding;
}

bool IsHtml(const HttpAnswer& answer) {
  return absl::StartsWithIgnoreCase(answer.content_type, "text/html") ||
         absl::StartsWith(absl::StripLeadingAsciiWhitespace(answer.body), "<");
}

Verdict VerdictOfUnknownCode(int status) {
  return status >= 500 ? Verdict::kUnavailable : Verdict::kRefused;
}

Verdict VerdictOfStatus(int status, bool is_json) {
  if (status == 429) return Verdict::kThrottled;
  if (status == 408 || status == 425) return Verdict::kUnavailable;
  return status >= 400 && status < 500 && is_json ? Verdict::kRefused : Verdict::kUnavailable;
}

BodyKind KindOfBody(const HttpAnswer& answer, bool is_json) {
  if (absl::StripAsciiWhitespace(answer.body).empty()) return BodyKind::kEmpty;
  if (is_json) return BodyKind::kJson;
  return IsHtml(answer) ? BodyKind::kHtml : BodyKind::kOther;
}

absl::string_view DescribeBody(int status, BodyKind body) {
  if (status >= 300 && status < 400) return "a redirect, which is never followed; check base_url";
  switch (body) {
    case BodyKind::kNone:
    case BodyKind::kEmpty:
      return "an empty body";
    case BodyKind::kJson:
      return "a JSON body with neither the expected fields nor a code";
    case BodyKind::kHtml:
      return "an HTML body";
    case BodyKind::kOther:
      break;
  }
  return "a body that is not JSON";
}

}  // namespace

BillError ReadRefusal(const HttpAnswer& answer, absl::Time now) {
  BillError error;
  error.http_status = answer.status;
  error.retry_after = ParseRetryAfter(answer.retry_after, now);
  error.bill_time = ParseHttpDate(answer.date);
  const absl::optional<JsonView> body = JsonView::Parse(answer.body);
  error.body = KindOfBody(answer, body.has_value());
  const DecidingCode deciding = body.has_value() ? ReadCodes(*body) : DecidingCode();
  if (!deciding.code().empty()) {
    error.code = deciding.code();
    error.verdict = deciding.verdict().value_or(VerdictOfUnknownCode(answer.status));
    error.detail = absl::StrCat("HTTP ", answer.status, " with ", error.code);
    return error;
  }
  error.verdict = VerdictOfStatus(answer.status, body.has_value());
  error.detail =
      absl::StrCat("HTTP ", answer.status, " with ", DescribeBody(answer.status, error.body));
  return error;
}

absl::optional<BillError> FindRefusal(const HttpAnswer& answer, absl::Time now) {
  BillError error = ReadRefusal(answer, now);
  if (!VerdictOfCode(error.code).has_value()) return absl::nullopt;
  return error;
}

AnswerShape ReadShape(const HttpAnswer& answer) {
  const BillError read = ReadRefusal(answer, absl::UnixEpoch());
  return {read.http_status, read.code, read.body};
}

BodyKind ReadBodyKind(const HttpAnswer& answer) {
  return KindOfBody(answer, JsonView::Parse(answer.body).has_value());
}

absl::optional<Verdict> VerdictOfCode(absl::string_view code) {
  const KnownCode* known = FindKnown(code);
  if (known == std::end(kKnownCodes)) return absl::nullopt;
  return known->verdict;
}

absl::optional<absl::Time> ParseHttpDate(absl::string_view value) {
  value = absl::StripAsciiWhitespace(value);
  if (value.size() > kLongestValue) return absl::nullopt;
  // IMF-fixdate, and the two obsolete forms that a recipient must accept too.
  for (const char* format :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    absl::Time date;
    if (absl::ParseTime(format, value, &date, nullptr)) return date;
  }
  return absl::nullopt;
}

absl::optional<absl::Duration> ParseRetryAfter(absl::string_view value, absl::Time now) {
  value = absl::StripAsciiWhitespace(value);
  if (value.empty() || value.size() > kLongestValue) return absl::nullopt;
  if (std::all_of(value.begin(), value.end(), absl::ascii_isdigit)) {
    std::int64_t seconds = 0;  // out of range: SimpleAtoi() gives the largest
    (void)absl::SimpleAtoi(value, &seconds);
    return std::min(absl::Seconds(seconds), kLongestRetryAfter);
  }
  const absl::optional<absl::Time> date = ParseHttpDate(value);
  if (!date.has_value()) return absl::nullopt;
  return std::clamp(*date - now, absl::ZeroDuration(), kLongestRetryAfter);
}

}  // namespace billbroker
