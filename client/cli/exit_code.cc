#include "client/cli/exit_code.h"

#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

constexpr absl::string_view kExitCodeUrl = "billbroker/exit_code";

ExitCode ByCode(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kInvalidArgument:
      return kExitUsage;
    case absl::StatusCode::kNotFound:
      return kExitNotFound;
    case absl::StatusCode::kUnavailable:
      return kExitUnreachable;
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
      return kExitTryLater;
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return kExitDenied;
    default:
      return kExitFailed;
  }
}

ExitCode ByReason(Reason reason, absl::StatusCode code) {
  switch (reason) {
    case Reason::kCredentialRejected:
    case Reason::kDevKeyRejected:
    case Reason::kOrganizationRejected:
    case Reason::kLockedOut:
    case Reason::kMfaRequired:
    case Reason::kMfaFailed:
    case Reason::kVaultLocked:
    case Reason::kVaultUnreachable:
    case Reason::kVaultDocumentInvalid:
      return kExitNeedsPerson;
    default:
      // The broker itself was reached: something behind it is unavailable.
      return code == absl::StatusCode::kUnavailable ? kExitTryLater : ByCode(code);
  }
}

}  // namespace

absl::Status WithExitCode(absl::Status status, ExitCode code) {
  status.SetPayload(kExitCodeUrl, absl::Cord(absl::StrCat(static_cast<int>(code))));
  return status;
}

ExitCode ExitCodeOf(const absl::Status& status) {
  const absl::optional<absl::Cord> stored = status.GetPayload(kExitCodeUrl);
  int number = 0;
  if (stored.has_value() && absl::SimpleAtoi(std::string(*stored), &number)) {
    return static_cast<ExitCode>(number);
  }
  const absl::optional<ErrorDetails> details = DetailsOf(status);
  return details.has_value() ? ByReason(details->reason, status.code()) : ByCode(status.code());
}

}  // namespace billbroker
