// AuditHeadKeeper: the audit log's head in the session store.
#pragma once

#include "absl/types/optional.h"
#include "server/access/audit/audit_head.h"
#include "server/session/session_store.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Thread-safe. Heads are written in order and soon: after a crash the stored head may be older.
class AuditHeadKeeper final : public AuditHead {
 public:
  // Borrows `store`.
  explicit AuditHeadKeeper(SessionStore& store) : store_(store) {}

  // Takes the head from the contents of the store. A head that is missing or malformed becomes
  // sequence 0: the log's end is not known, and the log records this.
  void Restore(const StoreContents& contents);

  // Returns nullopt while the store cannot be opened, and kUnavailable before it was tried.
  [[nodiscard]] absl::StatusOr<absl::optional<AuditMark>> Load() override;
  // Stores the head. Fails with kUnavailable while the store cannot be written; the store writes
  // the newest head once it can.
  [[nodiscard]] absl::Status Store(const AuditMark& mark) override;

 private:
  SessionStore& store_;
  Mutex mutex_;
  absl::optional<AuditMark> restored_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace billbroker
