// AuditHead: the end of the audit log's chain, kept apart from the log, so that a log that lost its
// tail is found out.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/access/audit/audit_line.h"

namespace billbroker {

// Used by one thread.
class AuditHead {
 public:
  virtual ~AuditHead() = default;

  // The mark that was stored last; sequence 0 where none is there, be it that none ever was or that
  // it was lost. kUnavailable where that cannot be told now.
  [[nodiscard]] virtual absl::StatusOr<AuditMark> Load() = 0;

  // Called once the line of `mark` is on the disk. What is stored may be older than the log, and
  // must never be newer.
  [[nodiscard]] virtual absl::Status Store(const AuditMark& mark) = 0;
};

}  // namespace billbroker
