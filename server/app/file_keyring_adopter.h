// FileKeyringAdopter: gives up the session store and the audit log of another master key.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "server/app/log.h"
#include "server/rpc/keyring_adopter.h"
#include "server/session/session_manager.h"
#include "vault/base/clock.h"
#include "vault/base/mutex.h"
#include "vault/vault_health.h"
#include "vault/vault_sync.h"

namespace billbroker {

// Thread-safe. Event: "keyring_adopted" (warning, with the files' new names).
class FileKeyringAdopter final : public KeyringAdopter {
 public:
  struct Options {
    std::string instance;  // of the broker
    std::string store_path;
    std::string audit_path;
  };

  // Borrows all but the options.
  FileKeyringAdopter(Options options, const Clock& clock, const VaultHealth& health,
                     const SessionManager& sessions, JsonLog& log)
      : options_(std::move(options)),
        clock_(clock),
        health_(health),
        sessions_(sessions),
        log_(log) {}

  // Sets the VaultSync to use; borrows it. With null, waits for the call under way. Without one,
  // calls fail with DRAINING.
  void Use(VaultSync* sync);

  [[nodiscard]] absl::StatusOr<KeyringLoss> Preview(Prompts prompts) override;
  [[nodiscard]] absl::StatusOr<KeyringLoss> Adopt(Prompts prompts) override;

 private:
  // Returns an error if there is no VaultSync, or if it had a key since the start.
  absl::Status CheckStart() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  KeyringLoss Count() const;
  // Sets `aside` of each file.
  absl::Status SetFilesAside(KeyringLoss& loss) const;
  void PutFilesBack(const KeyringLoss& loss) const;

  const Options options_;
  const Clock& clock_;
  const VaultHealth& health_;
  const SessionManager& sessions_;
  JsonLog& log_;
  Mutex mutex_;  // held during a call, so that Use() waits for it
  VaultSync* sync_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace billbroker
