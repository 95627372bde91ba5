#include "server/app/policy_watch.h"

#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/app/policy_file.h"

namespace billbroker {
std::string PolicyWatch::StateOf(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return "";
  return absl::StrCat(info.st_dev, " ", info.st_ino, " ", info.st_size, " ", info.st_mode, " ",
                      info.st_mtim.tv_sec, ".", info.st_mtim.tv_nsec, " ", info.st_ctim.tv_sec, ".",
                      info.st_ctim.tv_nsec);
}

PolicyWatch::PolicyWatch(std::string path, std::string seen, Callers& callers, JsonLog& log,
                         AuditTrail& audit, std::function<void()> changed)
    : path_(std::move(path)),
      callers_(callers),
      log_(log),
      audit_(audit),
      changed_(std::move(changed)),
      seen_(std::move(seen)) {}

void PolicyWatch::Reload() {
  MutexLock lock(mutex_);
  ReloadLocked();
}

void PolicyWatch::Look() {
  MutexLock lock(mutex_);
  if (StateOf(path_) != seen_ || (kept_ && LoadPolicy(path_).ok())) ReloadLocked();
}

void PolicyWatch::ReloadLocked() {
  seen_ = StateOf(path_);  // before the read: a change meanwhile is read again
  AuditEntry entry;
  entry.event = AuditEvent::kPolicyReload;
  entry.principal = "broker";
  audit_.Post(entry);
  absl::StatusOr<Policy> policy = LoadPolicy(path_);
  SetOutcome(policy.status(), entry);
  audit_.Post(std::move(entry));
  kept_ = !policy.ok();
  if (kept_) {
    log_.Write(LogLevel::kError, "policy_kept",
               {{"message", std::string(policy.status().message())},
                {"fix", "the previous policy stays in effect until the file is fixed"}});
    return;
  }
  callers_.SetPolicy(*std::move(policy));
  changed_();
  log_.Write(LogLevel::kInfo, "policy_reloaded", {{"file", path_}});
}

}  // namespace billbroker
