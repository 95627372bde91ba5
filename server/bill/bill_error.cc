#include "server/bill/bill_error.h"

namespace billbroker {

absl::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kSessionInvalid:
      return "session invalid";
    case Verdict::kSecretRejected:
      return "user name or secret rejected";
    case Verdict::kDevKeyRejected:
      return "devKey rejected";
    case Verdict::kOrganizationRejected:
      return "organization rejected";
    case Verdict::kOrganizationLocked:
      return "organization locked";
    case Verdict::kUserLocked:
      return "user locked";
    case Verdict::kRateLimited:
      return "hourly limit spent";
    case Verdict::kTooManyConcurrent:
      return "too many concurrent calls";
    case Verdict::kThrottled:
      return "too many requests";
    case Verdict::kUntrusted:
      return "session not MFA-trusted";
    case Verdict::kMfaFailed:
      return "MFA failed";
    case Verdict::kApiUnsupported:
      return "API not supported";
    case Verdict::kRefused:
      return "refused";
    case Verdict::kUnavailable:
      return "unavailable";
  }
  return "unavailable";
}

bool IsSameShape(const BillError& error, const AnswerShape& health) {
  if (error.http_status == 0 || error.http_status != health.http_status) return false;
  if (!error.code.empty() || !health.code.empty()) return false;
  const bool success = error.http_status >= 200 && error.http_status < 300;
  return !success || (error.body == health.body && error.body != BodyKind::kJson);
}

absl::string_view MfaAdvice(absl::string_view code) {
  if (code == "BDC_1354") {
    return "the BILL user has no phone for MFA: enroll one at BILL, then start again";
  }
  if (code == "BDC_1356") {
    return "the code is wrong or has expired: read it again, or start again for a new one";
  }
  if (code == "BDC_1358") return "there were too many tries: start again for a new code";
  if (code == "BDC_1374") {
    return "the code has expired, or the BILL user's MFA is not set up: start again";
  }
  if (code == "BDC_5324") {
    return "BILL blocks this MFA action, usually because the BILL user is enrolled already: check "
           "the user's MFA at BILL";
  }
  return "";
}

}  // namespace billbroker
