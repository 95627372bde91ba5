// VaultHealth: the last state of the vault.
#pragma once

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "vault/base/mutex.h"
#include "vault/vault.h"

namespace billbroker {

// VaultSync writes the state; others read it, so that they need not ask the vault. Thread-safe.
class VaultHealth final {
 public:
  [[nodiscard]] VaultState state() const {
    MutexLock lock(mutex_);
    return state_;
  }
  // Returns OK if the vault is ready, else its VaultError().
  [[nodiscard]] absl::Status status() const {
    MutexLock lock(mutex_);
    return error_;
  }
  [[nodiscard]] VaultProvider provider() const {
    MutexLock lock(mutex_);
    return provider_;
  }

  // Sets the state: OK, or a VaultError().
  void Set(absl::Status status, VaultProvider provider = {}) {
    MutexLock lock(mutex_);
    state_ = VaultStateOf(status);
    error_ = std::move(status);
    provider_ = std::move(provider);
  }

  // Returns the error of a call that needs a credential which was not read yet: VaultError() of the
  // state.
  [[nodiscard]] absl::Status NotRead() const {
    absl::Status last = status();
    return last.ok() ? VaultError(VaultState::kUnknown) : last;
  }

  // Asks VaultSync to read everything again: the outcome of a write is not known, or a credential
  // was not found.
  void RequestReload() {
    MutexLock lock(mutex_);
    reload_requested_ = true;
  }
  // Returns true if a reload was requested since the last call.
  [[nodiscard]] bool TakeReloadRequest() {
    MutexLock lock(mutex_);
    return std::exchange(reload_requested_, false);
  }

 private:
  mutable Mutex mutex_;
  VaultState state_ ABSL_GUARDED_BY(mutex_) = VaultState::kUnknown;
  absl::Status error_ ABSL_GUARDED_BY(mutex_) = VaultError(VaultState::kUnknown);
  VaultProvider provider_ ABSL_GUARDED_BY(mutex_);
  bool reload_requested_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace billbroker
