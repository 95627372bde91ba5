// VaultWatch: reports the vault's state to the log and to the health service.
#pragma once

#include <cstdint>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "server/app/log.h"
#include "vault/vault_sync.h"

namespace billbroker {

// Events: "vault_state" (info when ready, warning otherwise, with the observation, the fix and the
// provider), "vault_loaded" (with the differences to the read before), and the warnings
// "vault_document_invalid", "vault_credential_missing" and "vault_changed_elsewhere" (whose text
// distinguishes another provider from changed items). `on_ready` receives at each change whether
// the vault is ready; `on_loaded` is called each time that everything was read. Called by one
// thread at a time.
class VaultWatch final : public VaultObserver {
 public:
  // Borrows `vault`, which reports the events.
  VaultWatch(JsonLog& log, const Vault& vault, absl::AnyInvocable<void(bool ready)> on_ready,
             absl::AnyInvocable<void()> on_loaded)
      : log_(log),
        vault_(vault),
        on_ready_(std::move(on_ready)),
        on_loaded_(std::move(on_loaded)) {}

  void VaultStateChanged(VaultState before, const absl::Status& after,
                         const VaultProvider& provider) override;
  void VaultLoaded(const VaultReading& reading) override;
  void VaultChangedElsewhere() override;

 private:
  JsonLog& log_;
  const Vault& vault_;
  absl::AnyInvocable<void(bool ready)> on_ready_;
  absl::AnyInvocable<void()> on_loaded_;
  std::uint64_t known_takeovers_ = 0;  // of the provider, as of the last event
};

}  // namespace billbroker
