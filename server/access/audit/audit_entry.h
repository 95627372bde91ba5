// AuditEntry: one thing that somebody did, or was refused, as it is kept on the audit log. Design:
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
};

enum class AuditPhase { kIntent, kOutcome };

// "sign_in", "log_out", …: the member "kind" of a line.
[[nodiscard]] absl::string_view AuditEventName(AuditEvent event);

// "intent", "outcome".
[[nodiscard]] absl::string_view AuditPhaseName(AuditPhase phase);

// No field may hold a secret. Texts may be empty, and are then left out, as numbers are that are 0.
struct AuditEntry {
  AuditEvent event = AuditEvent::kSignIn;
  AuditPhase phase = AuditPhase::kIntent;
  std::string principal;  // such as "unix:payroll"; of what the broker did by itself "broker"
  // Of a caller on the Unix socket.
  absl::optional<std::uint32_t> uid;
  absl::optional<std::int64_t> pid;
  std::string certificate_serial;  // of a caller over TLS, hexadecimal
  std::string rpc;                 // such as "SessionService/Login"
  std::string organization;
  std::uint64_t organizations = 0;  // how many, where it is about several
  std::string credential;
  std::uint64_t version = 0;     // the credential's
  std::uint64_t generation = 0;  // the session's
  std::string dev_key_id;        // a keyed fingerprint
  std::string outcome;           // a gRPC code's name; empty for an intent
  std::string reason;            // ReasonName() of a failure
  std::string request_id;
  std::string traceparent;  // where the caller gave one
};

// Makes the entry of an intent that of its outcome.
void SetOutcome(const absl::Status& outcome, AuditEntry& entry);

// What a line may hold of a text of any origin: well-formed UTF-8 without control characters (each
// one, and each byte that is no UTF-8, becomes '?'), cut to `most` bytes.
inline constexpr std::size_t kLongestAuditText = 256;
inline constexpr std::size_t kLongestAuditPrincipal = 2100;  // a SPIFFE ID may have 2,048
[[nodiscard]] std::string AuditText(absl::string_view text, std::size_t most = kLongestAuditText);

// Makes each text that is longer what a line may hold of it: callers choose some of them.
void ClipTexts(AuditEntry& entry);

}  // namespace billbroker
