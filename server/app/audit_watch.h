// AuditWatch: reports the audit log's state to the log and to the health service.
#pragma once

#include <functional>
#include <utility>

#include "server/access/audit/audit_log.h"
#include "server/app/log.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Event: "audit_state" (info when the log can be written, warning when a lost tail might not be
// detected, error otherwise, with the cause and the fix). The callback receives at each change
// whether the log can be written. Thread-safe.
class AuditWatch final : public AuditObserver {
 public:
  explicit AuditWatch(JsonLog& log) : log_(log) {}

  // Sets the log to watch, before it is opened; borrows it.
  void Watch(const AuditLog& audit) { audit_ = &audit; }
  // Sets the callback; null removes it.
  void Tell(std::function<void(bool writable)> changed);

  void AuditStateChanged() override;

 private:
  JsonLog& log_;
  const AuditLog* audit_ = nullptr;
  Mutex mutex_;  // held during the call, so that the last one has the newest state
  std::function<void(bool writable)> changed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace billbroker
