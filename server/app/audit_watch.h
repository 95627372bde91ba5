// AuditWatch: what the audit log's state means to logs and to health checks.
#pragma once

#include <functional>
#include <utility>

#include "server/access/audit/audit_log.h"
#include "server/app/log.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Event: "audit_state" (info when it can be written, warning where a lost tail might not be found
// out, error otherwise, with the cause and the fix).
// Who is to be told hears at each change whether it can be written. Thread-safe.
class AuditWatch final : public AuditObserver {
 public:
  explicit AuditWatch(JsonLog& log) : log_(log) {}

  // Before the log is opened; borrows it.
  void Watch(const AuditLog& audit) { audit_ = &audit; }
  // Null: nobody is told any more.
  void Tell(std::function<void(bool writable)> changed);

  void AuditStateChanged() override;

 private:
  JsonLog& log_;
  const AuditLog* audit_ = nullptr;
  Mutex mutex_;  // held while it tells, so that the last word is the newest
  std::function<void(bool writable)> changed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace billbroker
