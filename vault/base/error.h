// Errors of all modules: an absl::Status that carries a Reason, and facts that a program can read.
//
// The reasons are the published enum of proto/billbroker/v1/error.proto, name for name. server/rpc
// turns a status of MakeError() into a gRPC status with ErrorInfo and RetryInfo. A message is lower
// case, names the thing and the fix, and never holds a secret or unfiltered upstream text.
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
  kDraining,              // UNAVAILABLE; metadata "outcome" of a change that was under way
  kVersionConflict,       // ABORTED
  kSessionsLive,          // FAILED_PRECONDITION
  kCallerLimit,           // RESOURCE_EXHAUSTED with a time to retry
  kRotationPending,       // FAILED_PRECONDITION; metadata "rotation_id"
  kNoPreviousVersion,     // FAILED_PRECONDITION: no earlier version is kept
  kMfaFailed,             // FAILED_PRECONDITION: BILL refused a challenge or its code
  kCallerUnknown,         // UNAUTHENTICATED: the policy names no principal for the caller
  kNotGranted,            // PERMISSION_DENIED; metadata "principal", "role"
  kAuditUnavailable,      // UNAVAILABLE: the audit record cannot be written
  kNotAdoptable,    // FAILED_PRECONDITION: not a replaced keyring, or restart the broker first
  kConnectionAged,  // UNAVAILABLE: a watch ended because its connection is old
};

struct ErrorDetails {
  Reason reason;
  absl::optional<absl::Duration> retry_after;   // if waiting helps
  std::map<std::string, std::string> metadata;  // ids, names and codes; never a secret
};

// Returns the published name, such as "VAULT_LOCKED".
[[nodiscard]] absl::string_view ReasonName(Reason reason);

// Returns the reason of a published name; nullopt for a name that this build does not have.
[[nodiscard]] absl::optional<Reason> ReasonNamed(absl::string_view name);

// Returns a status with the code that belongs to `details.reason`.
[[nodiscard]] absl::Status MakeError(ErrorDetails details, absl::string_view message);
[[nodiscard]] absl::Status MakeError(Reason reason, absl::string_view message);

// Returns the arguments of MakeError(); nullopt for OK and for any other status.
[[nodiscard]] absl::optional<ErrorDetails> DetailsOf(const absl::Status& status);

[[nodiscard]] bool HasReason(const absl::Status& status, Reason reason);

// Returns MALFORMED_REQUEST: `field` is the proto path, such as "credential.name".
[[nodiscard]] absl::Status Malformed(absl::string_view field, absl::string_view message);

}  // namespace billbroker
