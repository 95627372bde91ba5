// AuditHeadKeeper: the audit log's head in the session store.
#pragma once

#include "absl/types/optional.h"
#include "server/access/audit/audit_head.h"
#include "server/session/session_store.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Thread-safe. A head is written soon, in order: a crash may leave an older one.
class AuditHeadKeeper final : public AuditHead {
 public:
  // `store` is borrowed.
  explicit AuditHeadKeeper(SessionStore& store) : store_(store) {}

  // What SessionStore::Open() gave. Until then Load() is kUnavailable. A head that is missing or
  // cannot be read becomes sequence 0: the log's end is not known, and the log says so.
  void Restore(const StoreContents& contents);

  [[nodiscard]] absl::StatusOr<AuditMark> Load() override;
  // kUnavailable while the store cannot be written; it writes the newest head once it can.
  [[nodiscard]] absl::Status Store(const AuditMark& mark) override;

 private:
  SessionStore& store_;
  Mutex mutex_;
  absl::optional<AuditMark> restored_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace billbroker
