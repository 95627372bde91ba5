// PolicyWatch: puts the policy's file in force again when it changed.
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
  // Borrows `callers`, `log` and `audit`. `seen` is StateOf() from before the policy in force was
  // read; `changed` is called after another one is.
  PolicyWatch(std::string path, std::string seen, Callers& callers, JsonLog& log, AuditTrail& audit,
              std::function<void()> changed);

  // Another text for each state of the file at `path`; empty where there is none.
  [[nodiscard]] static std::string StateOf(const std::string& path);

  // Reads the file; both audit log and log say so. What is wrong with it is logged ("policy_kept"),
  // and the policy before stays in force; else "policy_reloaded".
  void Reload();
  // The same where the file is another one, or has other times or another size, than when it was
  // last read; or was no good then and is now, as when a name in it could not be looked up.
  void Look();

 private:
  const std::string path_;
  Callers& callers_;
  JsonLog& log_;
  AuditTrail& audit_;
  const std::function<void()> changed_;
  Mutex mutex_;  // held while the file is read: one reload after the other
  std::string seen_ ABSL_GUARDED_BY(mutex_);
  bool kept_ ABSL_GUARDED_BY(mutex_) = false;  // the file was no good

  void ReloadLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
};

}  // namespace billbroker
