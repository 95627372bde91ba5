// VaultSync: keeps the credential index and the known state of the vault current.
//
// It reads the whole vault and resets the index at the start, whenever the vault becomes ready
// again, and whenever the index is in doubt or another process changed the vault. It retries until
// a read succeeds. In between it only probes the state of the vault.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "vault/base/executor.h"
#include "vault/credential_index.h"
#include "vault/vault.h"

namespace billbroker {

// Receives events for the log and the health check. Called on the executor without a lock held;
// must not destroy the VaultSync.
class VaultObserver {
 public:
  virtual ~VaultObserver() = default;
  // Receives a change of the state. VaultHealth has the new state already.
  virtual void VaultStateChanged(VaultState before, VaultState after) = 0;
  // Receives the contents after everything was read. The credential index is complete.
  virtual void VaultLoaded(const VaultContents& contents) = 0;
  // Receives the error if the vault is ready but not everything could be read; once for each
  // message.
  virtual void VaultLoadFailed(const absl::Status& why) = 0;
  // Receives the event that another process changed the vault. It is read again.
  virtual void VaultChangedElsewhere() = 0;
};

struct VaultSyncOptions {
  absl::Duration retry_interval = absl::Seconds(1);  // while not everything has been read
  absl::Duration probe_interval = absl::Seconds(2);
};

// Its work runs on the executor, one round at a time, and blocks there while the vault does. The
// destructor waits for the round under way; queued rounds do nothing afterwards.
class VaultSync final {
 public:
  struct Parts {  // borrowed
    Executor& executor;
    Vault& vault;
    VaultHealth& health;
    CredentialIndex& credentials;
    VaultObserver& observer;
  };

  VaultSync(VaultSyncOptions options, Parts parts);  // starts
  ~VaultSync();
  VaultSync(const VaultSync&) = delete;
  VaultSync& operator=(const VaultSync&) = delete;

  // Blocks until the vault was queried for the first time. The contents that could be read then are
  // in the credential index.
  void AwaitFirstRound() const;

 private:
  class Loop;
  std::shared_ptr<Loop> loop_;  // shared with queued work, which may outlive this object
};

}  // namespace billbroker
