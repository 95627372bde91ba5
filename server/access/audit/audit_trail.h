// AuditTrail: the audit log, for those who leave something on it or ask about it.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "server/access/audit/audit_entry.h"
#include "server/access/audit/audit_verify.h"

namespace billbroker {

struct AuditState {
  bool ok = false;
  // Where it is not ok: the file, the cause and what mends it. Where it is: empty, or why a lost
  // tail might not be found out.
  std::string why;
};

// Thread-safe.
class AuditTrail {
 public:
  virtual ~AuditTrail() = default;

  // Returns once the entry would survive a power cut, or after a bounded wait. An error,
  // AUDIT_UNAVAILABLE, says that it may not be on the log: what it says must not be done.
  [[nodiscard]] virtual absl::Status Write(AuditEntry entry) = 0;

  // Writes the entry soon, if that is possible. Never waits.
  virtual void Post(AuditEntry entry) = 0;

  // One entry is left out on purpose, and counted as lost.
  virtual void Omit() = 0;

  [[nodiscard]] virtual AuditState state() const = 0;

  // Checks files against the log's key and its present end, where that is known. Null while the key
  // is not.
  [[nodiscard]] virtual std::unique_ptr<AuditVerifier> Verifier() const = 0;
};

}  // namespace billbroker
