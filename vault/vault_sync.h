// VaultSync: keeps the credential index and the known state of the vault current.
//
// It reads the whole vault and updates the index at the start, whenever the vault becomes ready
// again, and whenever the index is in doubt, another process changed the vault or another provider
// took over. It retries until a read succeeds. It repeats the first read once, since the search may
// have missed a credential. In between it only probes the state of the vault.
//
// Only a proven deletion is a deletion. A credential is removed from the index, and its sessions
// end, after two reads at least `confirm_interval` apart that did not find it, each of an unlocked
// keyring that has the broker's master key. A credential whose document is broken, or is not
// returned, stays as it was last read. While the name of an item cannot be read, all credentials
// stay: it may be the item of any of them.
//
// The master key decides whether a keyring is the broker's own. The first key of the process must
// open the files that a broker sealed before (KeyWitness), or there must be none. If there is none,
// a missing key is created. Afterwards the vault itself insists on it. Until the right key is back,
// nothing is written, and the state is kReplaced. If a person gives the sealed files up before this
// process had a key, Adopt() makes the present keyring the broker's own. No round shows a prompt:
// if the first key needs one, a person allows it with Adopt().
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "vault/base/clock.h"
#include "vault/base/executor.h"
#include "vault/credential_index.h"
#include "vault/key_witness.h"
#include "vault/prompt_scope.h"
#include "vault/vault.h"

namespace billbroker {

// The result of a read of the whole vault, and the difference to the one before. Names are ordered.
struct VaultReading {
  std::size_t credentials = 0;
  std::vector<InvalidDocument> invalid_documents;
  std::vector<std::string> added;
  std::vector<std::string> changed;  // versions or contents
  // Of the changed ones: an older version is stored than the one that was known. A backup was
  // restored, or a write arrived late.
  std::vector<std::string> reverted;
  std::vector<std::string> removed;
  std::vector<std::string> missing;  // not found once; kept until the next read confirms it
};

// Receives events for the log and the health check. Called on the executor without a lock held;
// must not destroy the VaultSync.
class VaultObserver {
 public:
  virtual ~VaultObserver() = default;
  // Receives a change of the state or of its reason: OK or a VaultError(). VaultHealth has it
  // already.
  virtual void VaultStateChanged(VaultState before, const absl::Status& after,
                                 const VaultProvider& provider) = 0;
  // Receives the contents after everything was read. The credential index is complete.
  virtual void VaultLoaded(const VaultReading& reading) = 0;
  // Receives the event that another process changed the vault, or that another provider took over.
  // It is read again.
  virtual void VaultChangedElsewhere() = 0;
};

struct VaultSyncOptions {
  absl::Duration retry_interval = absl::Seconds(1);  // while not everything has been read
  absl::Duration probe_interval = absl::Seconds(2);
  // Between two reads that prove a deletion, and between the first read and its repetition.
  absl::Duration confirm_interval = absl::Seconds(2);
  absl::Duration reread_interval = absl::Seconds(20);  // while an item is not returned
  absl::Duration repeat_interval = absl::Minutes(1);   // between two reasons of the same state
};

// Its work runs on the executor, one round at a time, and blocks there while the vault does. The
// destructor waits for the round under way; queued rounds do nothing afterwards.
class VaultSync final {
 public:
  struct Parts {  // borrowed
    const Clock& clock;
    Executor& executor;
    Vault& vault;
    const KeyWitness& witness;
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

  // Returns true once the vault has a trusted key.
  [[nodiscard]] bool trusts_key() const;

  // Calls `look` if Adopt() would be possible: no key is trusted, and the keyring is replaced, or
  // it has no key and `prompts` allows the prompt that a first key may need. Blocks while the vault
  // does, as Adopt() does.
  //
  // Errors of both:
  //   NOT_ADOPTABLE  a key is trusted, or the keyring is not replaced
  //   VaultError()   the keyring cannot be read, or needs a prompt that `prompts` refuses
  [[nodiscard]] absl::Status Preview(Prompts prompts, const std::function<void()>& look);

  // The files that a replaced keyring contradicts.
  struct SealedFiles {
    std::function<absl::Status()> set_aside;  // after an error they are as before
    std::function<void()> put_back;
  };
  // Creates a key in the replaced keyring if it has none, sets the sealed files aside, trusts the
  // key, and reads everything. If the key could not be trusted, the files are put back, and the
  // error of the keyring is returned. The observer is called before this returns.
  [[nodiscard]] absl::Status Adopt(Prompts prompts, const SealedFiles& files);

 private:
  class Loop;
  std::shared_ptr<Loop> loop_;  // shared with queued work, which may outlive this object
};

}  // namespace billbroker
