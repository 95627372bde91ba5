// PolicyWatch: reloads the policy's file when it changes.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "server/access/audit/audit_trail.h"
#include "server/access/caller.h"
#include "server/app/log.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Thread-safe.
class PolicyWatch final {
 public:
  // Borrows `callers`, `log` and `audit`. `seen` is the StateOf() from before the current policy
  // was read; `changed` is called after each change of the policy.
  PolicyWatch(std::string path, std::string seen, Callers& callers, JsonLog& log, AuditTrail& audit,
              std::function<void()> changed);

  // Returns a text that differs for each state of the file at `path`; empty if there is none.
  [[nodiscard]] static std::string StateOf(const std::string& path);

  // Reads the file, and records this in the log and the audit log. If the file has an error, logs
  // "policy_kept" and keeps the previous policy; otherwise logs "policy_reloaded".
  void Reload();
  // Does the same if the file was replaced or changed its times or size since it was last read.
  // Also if the last read failed and the file is valid now, for example because a name in it can be
  // looked up again.
  void Look();

 private:
  const std::string path_;
  Callers& callers_;
  JsonLog& log_;
  AuditTrail& audit_;
  const std::function<void()> changed_;
  Mutex mutex_;  // held while the file is read: one reload after the other
  std::string seen_ ABSL_GUARDED_BY(mutex_);
  bool kept_ ABSL_GUARDED_BY(mutex_) = false;  // the file was not valid

  void ReloadLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
};

}  // namespace billbroker
