#include "server/app/audit_watch.h"

namespace billbroker {

void AuditWatch::AuditStateChanged() {
  MutexLock lock(mutex_);
  const AuditState state = audit_->state();
  const LogLevel level = !state.ok           ? LogLevel::kError
                         : state.why.empty() ? LogLevel::kInfo
                                             : LogLevel::kWarning;
  log_.Write(level, "audit_state", {{"writable", state.ok}, {"message", state.why}});
  if (changed_) changed_(state.ok);
}

void AuditWatch::Tell(std::function<void(bool writable)> changed) {
  MutexLock lock(mutex_);
  changed_ = std::move(changed);
}

}  // namespace billbroker
