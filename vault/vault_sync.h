// VaultSync: keeps the credential index and the known state of the vault current.
//
// At the start, whenever the vault comes back from a state that was not ready, and whenever the
// directory is in doubt or somebody else changed what is stored, it reads everything and resets the
// directory, trying again until that succeeds. In between it probes.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "vault/base/executor.h"
#include "vault/credential_index.h"
#include "vault/vault.h"

namespace billbroker {

// Told what a log and a health check want to know. Called on the executor, without a lock held; it
// must not destroy the VaultSync.
class VaultObserver {
 public:
  virtual ~VaultObserver() = default;
  // The credential index knows the new state already.
  virtual void VaultStateChanged(VaultState before, VaultState after) = 0;
  // Everything was read: the credential index is complete.
  virtual void VaultLoaded(const VaultContents& contents) = 0;
  // The vault is ready, and yet not everything could be read. Not repeated for the same message.
  virtual void VaultLoadFailed(const absl::Status& why) = 0;
  // Somebody else changed what is stored; it is read again.
  virtual void VaultChangedElsewhere() = 0;
};

struct VaultSyncOptions {
  absl::Duration retry_interval = absl::Seconds(1);  // while not everything has been read
  absl::Duration probe_interval = absl::Seconds(2);
};

// Its work runs on the executor, blocks there for as long as the vault does, and is never under way
// twice. The destructor waits for what is under way; what is queued does nothing afterwards.
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

  // Returns once the vault was asked for the first time: what could be read then is in the
  // directory.
  void AwaitFirstRound() const;

 private:
  class Loop;
  std::shared_ptr<Loop> loop_;  // shared with queued work, which may outlive us
};

}  // namespace billbroker
