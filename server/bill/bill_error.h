// The error taxonomy: the meaning of BILL's refusals and failures for a broker.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"

namespace billbroker {

enum class Verdict {
  kSessionInvalid,        // BDC_1109, 1120: this session is dead; only a new sign-in helps
  kSecretRejected,        // BDC_1101: never again with this user name and secret
  kDevKeyRejected,        // BDC_1102, 1103, 1104: never again with this devKey
  kOrganizationRejected,  // BDC_1105, 1106, 1111, 1123: never again for this user and organization
  kOrganizationLocked,    // BDC_1107: until an operator clears it or a cool-down passes
  kUserLocked,            // BDC_1110: the same for the user
  kRateLimited,           // BDC_1144: the devKey waits until the next clock hour or Retry-After
  kThrottled,             // HTTP 429 without a code, of BILL or a gateway: back off for seconds
  kTooManyConcurrent,     // BDC_1322: back off and try again
  kUntrusted,             // BDC_1361: MFA is needed; signing in again does not help
  kMfaFailed,             // BDC_1354, 1356, 1358, 1374, 5324: for the operator
  kApiUnsupported,        // BDC_1121: BILL does not offer this call; back off, longer each time
  kRefused,               // an unknown code, or a 4xx with JSON and no code: back off, longer each
                          // time
  kUnavailable,           // 5xx, 408, 425, BDC_1001, 1002, 1570, HTML, no body, a malformed answer,
                          // timeout, reset: transient
};

[[nodiscard]] absl::string_view VerdictName(Verdict verdict);

// Whether a failed request was sent. A request that may have been sent may have taken effect, so a
// caller must not repeat a POST as if the first one had never happened.
enum class Delivery {
  kNotSent,    // certain: no byte of the request was written to a connection with BILL
  kMaybeSent,  // the request was written, at least in part; BILL may have processed it
};

// The kind of body that an answer had.
enum class BodyKind { kNone /* no answer came */, kEmpty, kJson, kHtml, kOther };

struct BillError {
  Verdict verdict = Verdict::kUnavailable;
  std::string code;     // "BDC_" and digits, as BILL gave it; empty if BILL gave none
  int http_status = 0;  // 0 if no answer came
  BodyKind body = BodyKind::kNone;
  absl::optional<absl::Duration> retry_after;  // from the header Retry-After, 0 to 1 hour
  absl::optional<absl::Time> bill_time;        // BILL's clock, from the header Date
  Delivery delivery = Delivery::kMaybeSent;
  // A description of the failure for our log, such as "HTTP 502 with an HTML body". It never
  // contains text of BILL's, which may be hostile.
  std::string detail;
};

// The shape of an answer to GET /v3/health. A gateway in front of BILL gives the same shape of
// answer to every call, and BILL itself does not.
struct AnswerShape {
  int http_status = 0;
  std::string code;  // as BillError::code
  BodyKind body = BodyKind::kNone;

  // Returns true if BILL is reachable: any answer below 500 is good.
  [[nodiscard]] bool IsGood() const { return http_status > 0 && http_status < 500; }
};

// Returns true if `error` and the health check have the same HTTP status and no code of BILL's, so
// that a gateway and not BILL gave both answers. A success must also have a body of the same kind,
// and not JSON: a healthy BILL answers the health check with 200 too.
[[nodiscard]] bool IsSameShape(const BillError& error, const AnswerShape& health);

// Returns advice for a person about an MFA error code, such as "read the code again"; empty for all
// other codes. It is not documented when BILL sends which of these codes.
[[nodiscard]] absl::string_view MfaAdvice(absl::string_view code);

// A value or the error that prevented it.
template <typename T>
class BillResult final {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): as StatusOr
  BillResult(T value) : held_(std::move(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor): as StatusOr
  BillResult(BillError error) : held_(std::move(error)) {}

  [[nodiscard]] bool ok() const { return held_.index() == 0; }
  // Requires: ok().
  [[nodiscard]] T& value() { return std::get<0>(held_); }
  [[nodiscard]] const T& value() const { return std::get<0>(held_); }
  // Requires: !ok().
  [[nodiscard]] const BillError& error() const { return std::get<1>(held_); }

 private:
  std::variant<T, BillError> held_;
};

}  // namespace billbroker
