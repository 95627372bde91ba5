// VaultHealth: the last state of the vault.
#pragma once

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
  void set_state(VaultState state) {
    MutexLock lock(mutex_);
    state_ = state;
  }

  // Returns the error of a call that needs a credential which was not read yet: VaultError() of the
  // state.
  [[nodiscard]] absl::Status NotRead() const {
    const VaultState last = state();
    return VaultError(last == VaultState::kReady ? VaultState::kUnknown : last);
  }

  // Asks VaultSync to read everything again: the outcome of a write is not known.
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
  bool reload_requested_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace billbroker
