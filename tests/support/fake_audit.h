// FakeAudit: an audit log in memory.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/access/audit/audit_trail.h"
#include "vault/base/error.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Thread-safe.
class FakeAudit final : public AuditTrail {
 public:
  absl::Status Write(AuditEntry entry) override {
    MutexLock lock(mutex_);
    if (broken_) return MakeError(Reason::kAuditUnavailable, "the disk is full");
    entries_.push_back(std::move(entry));
    return absl::OkStatus();
  }
  void Post(AuditEntry entry) override {
    MutexLock lock(mutex_);
    entries_.push_back(std::move(entry));
  }
  void Omit() override {
    MutexLock lock(mutex_);
    ++omitted_;
  }
  [[nodiscard]] AuditState state() const override {
    MutexLock lock(mutex_);
    return {!broken_, broken_ ? "the disk is full" : ""};
  }
  [[nodiscard]] std::unique_ptr<AuditVerifier> Verifier() const override {
    MutexLock lock(mutex_);
    return broken_ ? nullptr : std::make_unique<AuditVerifier>(key_, absl::nullopt);
  }

  // If `broken`, Write() fails from now on.
  void Break(bool broken = true) {
    MutexLock lock(mutex_);
    broken_ = broken;
  }
  // Returns the entries since the last call.
  [[nodiscard]] std::vector<AuditEntry> Take() {
    MutexLock lock(mutex_);
    return std::exchange(entries_, {});
  }
  [[nodiscard]] int omitted() const {
    MutexLock lock(mutex_);
    return omitted_;
  }
  [[nodiscard]] const AuditKey& key() const { return key_; }

 private:
  const AuditKey key_{SecretString::CopyOf(std::string(32, 'k'))};
  mutable Mutex mutex_;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<AuditEntry> entries_ ABSL_GUARDED_BY(mutex_);
  int omitted_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace billbroker
