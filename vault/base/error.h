// How every room says what went wrong: an absl::Status that carries a Reason, and facts a program
// can read.
//
// The reasons are the published enum of proto/billbroker/v1/error.proto, name for name; the RPC
// room turns a status of MakeError() into a gRPC status with ErrorInfo and RetryInfo. A message is
// lower case, names the thing and the fix, and never holds a secret or unfiltered upstream text.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"

namespace billbroker {

enum class Reason {
  kMalformedRequest,     // INVALID_ARGUMENT; metadata "field"
  kUnknownOrganization,  // NOT_FOUND
  kUnknownCredential,    // NOT_FOUND
  kCredentialExists,  // ALREADY_EXISTS: the name or the BILL user is taken; metadata "credential"
  kAmbiguousCredential,   // FAILED_PRECONDITION: several serve the organization; name one
  kNoLiveSession,         // NOT_FOUND
  kCredentialRejected,    // FAILED_PRECONDITION: BILL refused the secret; metadata "bill_code"
  kDevKeyRejected,        // FAILED_PRECONDITION
  kOrganizationRejected,  // FAILED_PRECONDITION
  kLockedOut,             // FAILED_PRECONDITION
  kMfaRequired,           // FAILED_PRECONDITION
  kLoginBudgetSpent,      // RESOURCE_EXHAUSTED with a time to retry
  kBillRateLimited,       // RESOURCE_EXHAUSTED with a time to retry
  kVaultLocked,           // UNAVAILABLE
  kVaultUnreachable,      // UNAVAILABLE
  kVaultDocumentInvalid,  // FAILED_PRECONDITION: foreign or broken; nothing overwrites it
  kBillUnavailable,       // UNAVAILABLE with a time to retry
  kSessionUnstable,       // UNAVAILABLE with a time to retry
  kDraining,              // UNAVAILABLE
  kVersionConflict,       // ABORTED
  kSessionsLive,          // FAILED_PRECONDITION
  kCallerLimit,           // RESOURCE_EXHAUSTED with a time to retry
  kRotationPending,       // FAILED_PRECONDITION; metadata "rotation_id"
  kNoPreviousVersion,     // FAILED_PRECONDITION: nothing is kept to roll back to
  kMfaFailed,             // FAILED_PRECONDITION: BILL refused a challenge or its code
  kCallerUnknown,         // UNAUTHENTICATED: the policy names no principal for who calls
  kNotGranted,            // PERMISSION_DENIED; metadata "principal", "role"; tells not what exists
  kAuditUnavailable,      // UNAVAILABLE: what must be on the audit log first cannot be written
};

struct ErrorDetails {
  Reason reason;
  absl::optional<absl::Duration> retry_after;   // when waiting helps
  std::map<std::string, std::string> metadata;  // ids, names and codes; never a secret
};

// The published name, such as "VAULT_LOCKED".
[[nodiscard]] absl::string_view ReasonName(Reason reason);

// The reverse; nullopt for a name that this build does not know.
[[nodiscard]] absl::optional<Reason> ReasonNamed(absl::string_view name);

// A status with the code that belongs to `details.reason`.
[[nodiscard]] absl::Status MakeError(ErrorDetails details, absl::string_view message);
[[nodiscard]] absl::Status MakeError(Reason reason, absl::string_view message);

// What MakeError() put in; nullopt for OK and for a status from elsewhere.
[[nodiscard]] absl::optional<ErrorDetails> DetailsOf(const absl::Status& status);

[[nodiscard]] bool HasReason(const absl::Status& status, Reason reason);

// A malformed request: `field` is the proto path, such as "credential.name".
[[nodiscard]] absl::Status Malformed(absl::string_view field, absl::string_view message);

}  // namespace billbroker
