// AuditEntry: one action or refusal, as it is kept in the audit log. Design:
// docs/adr/0019-audit-log.md.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace billbroker {

enum class AuditEvent {
  kSignIn,
  kLogOut,
  kCredentialChange,
  kMfaChange,
  kRefusal,
  kPolicyReload,
  kSessionRead,
  kKeyringAdopt,
};

enum class AuditPhase { kIntent, kOutcome };

// Returns "sign_in", "log_out", …: the member "kind" of a line.
[[nodiscard]] absl::string_view AuditEventName(AuditEvent event);

// Returns "intent" or "outcome".
[[nodiscard]] absl::string_view AuditPhaseName(AuditPhase phase);

// Must not hold a secret. Empty texts, and numbers that are 0, are left out of the line.
struct AuditEntry {
  AuditEvent event = AuditEvent::kSignIn;
  AuditPhase phase = AuditPhase::kIntent;
  std::string principal;  // such as "unix:payroll"; "broker" for the broker's own actions
  // Of a caller on the Unix socket.
  absl::optional<std::uint32_t> uid;
  absl::optional<std::int64_t> pid;
  std::string certificate_serial;  // of a caller over TLS, hexadecimal
  std::string rpc;                 // such as "SessionService/Login"
  std::string organization;
  std::uint64_t organizations = 0;  // their number, if the action is about several
  std::string credential;
  std::uint64_t version = 0;     // the credential's
  std::uint64_t generation = 0;  // the session's
  std::string dev_key_id;        // a keyed fingerprint
  std::string set_aside;         // the new names of files, for kKeyringAdopt
  std::string outcome;           // a gRPC code's name; empty for an intent
  std::string reason;            // ReasonName() of a failure
  std::string request_id;
  std::string traceparent;  // empty if the caller sent none
};

// Turns the entry of an intent into the entry of its outcome.
void SetOutcome(const absl::Status& outcome, AuditEntry& entry);

// Returns the text in the form that a line may hold: well-formed UTF-8 without control characters,
// cut to `most` bytes. Each control character, and each byte that is not UTF-8, becomes '?'.
inline constexpr std::size_t kLongestAuditText = 256;
inline constexpr std::size_t kLongestAuditPrincipal = 2100;  // a SPIFFE ID may have 2,048
[[nodiscard]] std::string AuditText(absl::string_view text, std::size_t most = kLongestAuditText);

// Cuts each text to the length that a line may hold, because callers choose some of them.
void ClipTexts(AuditEntry& entry);

}  // namespace billbroker
