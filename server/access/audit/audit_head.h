// AuditHead: the end of the audit log's chain, kept apart from the log, so that a lost tail of the
// log is detected.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "server/access/audit/audit_line.h"

namespace billbroker {

// Used by one thread.
class AuditHead {
 public:
  virtual ~AuditHead() = default;

  // Returns the mark that was stored last. Its sequence is 0 if there is none, because none was
  // stored or it was lost. Returns nullopt if it is not known yet: then the log continues from its
  // own end, and checks the head once it is known. See AuditLog::CheckHead().
  //
  // Errors:
  //   kUnavailable  it is not known yet, and the log must wait for it
  [[nodiscard]] virtual absl::StatusOr<absl::optional<AuditMark>> Load() = 0;

  // Stores `mark`, after its line is on the disk. The stored mark may be older than the log, but
  // must never be newer.
  [[nodiscard]] virtual absl::Status Store(const AuditMark& mark) = 0;
};

}  // namespace billbroker
