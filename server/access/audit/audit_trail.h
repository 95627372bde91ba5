// AuditTrail: the audit log, as the rest of the program sees it.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "server/access/audit/audit_entry.h"
#include "server/access/audit/audit_verify.h"

namespace billbroker {

struct AuditState {
  bool ok = false;
  // If not ok: the file, the cause and the fix. If ok: empty, or the reason for which a lost tail
  // might not be detected.
  std::string why;
};

// Thread-safe.
class AuditTrail {
 public:
  virtual ~AuditTrail() = default;

  // Returns once the entry would survive a power cut, or after a bounded wait. Fails with
  // AUDIT_UNAVAILABLE if the entry may be missing in the log: its action must not be done.
  [[nodiscard]] virtual absl::Status Write(AuditEntry entry) = 0;

  // Writes the entry soon, if that is possible. Never waits.
  virtual void Post(AuditEntry entry) = 0;

  // Counts one entry as lost that is left out on purpose.
  virtual void Omit() = 0;

  [[nodiscard]] virtual AuditState state() const = 0;

  // Returns a verifier that checks files against the log's key and its present end, if that is
  // known. Null while the key is not known.
  [[nodiscard]] virtual std::unique_ptr<AuditVerifier> Verifier() const = 0;
};

}  // namespace billbroker
