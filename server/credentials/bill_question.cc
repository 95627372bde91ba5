#include "server/credentials/bill_question.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/session/rules/dev_key_budget.h"
#include "server/session/rules/retry_time.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

constexpr absl::Duration kRetryAfter = absl::Seconds(1);
constexpr absl::Duration kSmsWait = absl::Minutes(1);

Reason ReasonOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kSessionInvalid:
      return Reason::kSessionUnstable;
    case Verdict::kSecretRejected:
      return Reason::kCredentialRejected;
    case Verdict::kDevKeyRejected:
      return Reason::kDevKeyRejected;
    case Verdict::kOrganizationRejected:
      return Reason::kOrganizationRejected;
    case Verdict::kOrganizationLocked:
    case Verdict::kUserLocked:
      return Reason::kLockedOut;
    case Verdict::kRateLimited:
      return Reason::kBillRateLimited;
    case Verdict::kUntrusted:
      return Reason::kMfaRequired;
    case Verdict::kMfaFailed:
      return Reason::kMfaFailed;
    case Verdict::kTooManyConcurrent:
    case Verdict::kThrottled:
    case Verdict::kApiUnsupported:
    case Verdict::kRefused:
    case Verdict::kUnavailable:
      break;
  }
  return Reason::kBillUnavailable;
}

// Returns when it may help to ask again, from now on; nullopt if waiting does not help.
absl::optional<absl::Duration> WaitAfter(Reason reason, const BillError& error,
                                         const BillQuestion& question, absl::Time now,
                                         Random& random) {
  switch (reason) {
    case Reason::kBillRateLimited:
      if (question.sends_sms) return error.retry_after.value_or(kSmsWait);
      return SuspensionTime(error.retry_after, error.bill_time.value_or(now), random);
    case Reason::kSessionUnstable:
    case Reason::kBillUnavailable:
      return std::max(error.retry_after.value_or(kRetryAfter), kRetryAfter);
    default:
      return absl::nullopt;
  }
}

}  // namespace

absl::StatusOr<std::string> ChooseOrganization(const CredentialInfo& credential,
                                               SessionManager& sessions) {
  if (credential.organizations.empty()) {
    return MakeError(
        {Reason::kUnknownOrganization, absl::nullopt, {{"credential", credential.name}}},
        absl::StrCat("credential \"", credential.name,
                     "\" has no organization yet to sign in to; attach one first"));
  }
  for (const auto& [id, dev_key_id] : credential.organizations) {
    if (sessions.Peek(id, credential.name).ok()) return id;
  }
  return credential.organizations.begin()->first;
}

absl::Status RefusedByBill(const BillError& error, const BillQuestion& question,
                           absl::string_view what, absl::Time now, Random& random) {
  const Reason reason = ReasonOf(error.verdict);
  absl::optional<absl::Duration> wait = WaitAfter(reason, error, question, now, random);
  if (wait.has_value()) wait = RetryAfter(*wait, absl::ZeroDuration(), random);
  ErrorDetails details{
      reason,
      wait,
      {{"organization_id", question.organization_id}, {"credential", question.credential}}};
  if (!error.code.empty()) details.metadata.emplace("bill_code", error.code);
  const absl::string_view advice = MfaAdvice(error.code);
  return MakeError(std::move(details),
                   absl::StrCat("BILL ", what, " of credential \"", question.credential,
                                "\": ", error.detail, advice.empty() ? "" : "; ", advice));
}

}  // namespace billbroker
