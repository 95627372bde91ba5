#include "vault/base/error.h"

#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace billbroker {
namespace {

constexpr absl::string_view kReasonUrl = "billbroker/reason";
constexpr absl::string_view kRetryUrl = "billbroker/retry_after";
constexpr absl::string_view kMetadataUrl = "billbroker/metadata/";

struct ReasonRow {
  Reason reason;
  absl::string_view name;
  absl::StatusCode code;
};

constexpr ReasonRow kReasons[] = {
    {Reason::kMalformedRequest, "MALFORMED_REQUEST", absl::StatusCode::kInvalidArgument},
    {Reason::kUnknownOrganization, "UNKNOWN_ORGANIZATION", absl::StatusCode::kNotFound},
    {Reason::kUnknownCredential, "UNKNOWN_CREDENTIAL", absl::StatusCode::kNotFound},
    {Reason::kCredentialExists, "CREDENTIAL_EXISTS", absl::StatusCode::kAlreadyExists},
    {Reason::kAmbiguousCredential, "AMBIGUOUS_CREDENTIAL", absl::StatusCode::kFailedPrecondition},
    {Reason::kNoLiveSession, "NO_LIVE_SESSION", absl::StatusCode::kNotFound},
    {Reason::kCredentialRejected, "CREDENTIAL_REJECTED", absl::StatusCode::kFailedPrecondition},
    {Reason::kDevKeyRejected, "DEV_KEY_REJECTED", absl::StatusCode::kFailedPrecondition},
    {Reason::kOrganizationRejected, "ORGANIZATION_REJECTED", absl::StatusCode::kFailedPrecondition},
    {Reason::kLockedOut, "LOCKED_OUT", absl::StatusCode::kFailedPrecondition},
    {Reason::kMfaRequired, "MFA_REQUIRED", absl::StatusCode::kFailedPrecondition},
    {Reason::kLoginBudgetSpent, "LOGIN_BUDGET_SPENT", absl::StatusCode::kResourceExhausted},
    {Reason::kBillRateLimited, "BILL_RATE_LIMITED", absl::StatusCode::kResourceExhausted},
    {Reason::kVaultLocked, "VAULT_LOCKED", absl::StatusCode::kUnavailable},
    {Reason::kVaultUnreachable, "VAULT_UNREACHABLE", absl::StatusCode::kUnavailable},
    {Reason::kVaultDocumentInvalid, "VAULT_DOCUMENT_INVALID",
     absl::StatusCode::kFailedPrecondition},
    {Reason::kBillUnavailable, "BILL_UNAVAILABLE", absl::StatusCode::kUnavailable},
    {Reason::kSessionUnstable, "SESSION_UNSTABLE", absl::StatusCode::kUnavailable},
    {Reason::kDraining, "DRAINING", absl::StatusCode::kUnavailable},
    {Reason::kVersionConflict, "VERSION_CONFLICT", absl::StatusCode::kAborted},
    {Reason::kSessionsLive, "SESSIONS_LIVE", absl::StatusCode::kFailedPrecondition},
    {Reason::kCallerLimit, "CALLER_LIMIT", absl::StatusCode::kResourceExhausted},
    {Reason::kRotationPending, "ROTATION_PENDING", absl::StatusCode::kFailedPrecondition},
    {Reason::kNoPreviousVersion, "NO_PREVIOUS_VERSION", absl::StatusCode::kFailedPrecondition},
    {Reason::kMfaFailed, "MFA_FAILED", absl::StatusCode::kFailedPrecondition},
    {Reason::kCallerUnknown, "CALLER_UNKNOWN", absl::StatusCode::kUnauthenticated},
    {Reason::kNotGranted, "NOT_GRANTED", absl::StatusCode::kPermissionDenied},
    {Reason::kAuditUnavailable, "AUDIT_UNAVAILABLE", absl::StatusCode::kUnavailable},
    {Reason::kNotAdoptable, "NOT_ADOPTABLE", absl::StatusCode::kFailedPrecondition},
    {Reason::kConnectionAged, "CONNECTION_AGED", absl::StatusCode::kUnavailable},
};

const ReasonRow& RowOf(Reason reason) { return kReasons[static_cast<int>(reason)]; }

}  // namespace

absl::string_view ReasonName(Reason reason) { return RowOf(reason).name; }

absl::optional<Reason> ReasonNamed(absl::string_view name) {
  for (const ReasonRow& row : kReasons) {
    if (row.name == name) return row.reason;
  }
  return absl::nullopt;
}

absl::Status MakeError(ErrorDetails details, absl::string_view message) {
  const ReasonRow& row = RowOf(details.reason);
  absl::Status status(row.code, message);
  status.SetPayload(kReasonUrl, absl::Cord(absl::StrCat(static_cast<int>(row.reason))));
  if (details.retry_after.has_value()) {
    status.SetPayload(kRetryUrl, absl::Cord(absl::FormatDuration(*details.retry_after)));
  }
  for (const auto& [key, value] : details.metadata) {
    status.SetPayload(absl::StrCat(kMetadataUrl, key), absl::Cord(value));
  }
  return status;
}

absl::Status MakeError(Reason reason, absl::string_view message) {
  return MakeError(ErrorDetails{reason, absl::nullopt, {}}, message);
}

absl::optional<ErrorDetails> DetailsOf(const absl::Status& status) {
  const absl::optional<absl::Cord> stored = status.GetPayload(kReasonUrl);
  int number = 0;
  if (!stored.has_value() || !absl::SimpleAtoi(std::string(*stored), &number)) return absl::nullopt;
  ErrorDetails details{static_cast<Reason>(number), absl::nullopt, {}};
  status.ForEachPayload([&details](absl::string_view url, const absl::Cord& value) {
    absl::Duration retry_after;
    if (url == kRetryUrl && absl::ParseDuration(std::string(value), &retry_after)) {
      details.retry_after = retry_after;
    } else if (absl::ConsumePrefix(&url, kMetadataUrl)) {
      details.metadata.emplace(std::string(url), std::string(value));
    }
  });
  return details;
}

bool HasReason(const absl::Status& status, Reason reason) {
  const absl::optional<ErrorDetails> details = DetailsOf(status);
  return details.has_value() && details->reason == reason;
}

absl::Status Malformed(absl::string_view field, absl::string_view message) {
  return MakeError(
      ErrorDetails{Reason::kMalformedRequest, absl::nullopt, {{"field", std::string(field)}}},
      absl::StrCat(field, ": ", message));
}

}  // namespace billbroker
