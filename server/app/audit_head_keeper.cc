#include "server/app/audit_head_keeper.h"

namespace billbroker {

void AuditHeadKeeper::Restore(const StoreContents& contents) {
  AuditMark mark;
  if (contents.audit_head.has_value()) {
    const absl::optional<AuditMac> mac = ParseAuditMac(contents.audit_head->mac);
    if (mac.has_value()) mark = {contents.audit_head->sequence, *mac};
  }
  MutexLock lock(mutex_);
  restored_ = mark;
}

absl::StatusOr<absl::optional<AuditMark>> AuditHeadKeeper::Load() {
  MutexLock lock(mutex_);
  if (restored_.has_value() || store_.state() != StoreState::kWaiting) return restored_;
  return absl::UnavailableError(
      "the session store, which keeps the log's head, waits for its key, which is in the keyring");
}

absl::Status AuditHeadKeeper::Store(const AuditMark& mark) {
  store_.WriteSoon(StoredAuditHead{mark.sequence, AuditMacText(mark.mac)});
  if (store_.state() == StoreState::kReady) return absl::OkStatus();
  return absl::UnavailableError("the session store cannot be written");
}

}  // namespace billbroker
