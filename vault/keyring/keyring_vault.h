// KeyringVault: credentials in the user's keyring, through the Secret Service.
//
// The default keyring has one item for each credential, whose document is replaced as a whole, and
// one item for the master key; item_attributes.h lists their attributes.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/optional.h"
#include "vault/base/mutex.h"
#include "vault/keyring/document_reader.h"
#include "vault/keyring/held_credentials.h"
#include "vault/keyring/item_store.h"
#include "vault/keyring/keyring_key.h"
#include "vault/keyring/keyring_prompt.h"
#include "vault/keyring/keyring_thread.h"
#include "vault/keyring/write_turns.h"
#include "vault/vault.h"

namespace billbroker {

struct KeyringOptions {
  std::string instance = "default";  // of the form of a credential's name; used by one daemon
  absl::Duration call_timeout = absl::Seconds(3);   // the longest that a caller waits
  absl::Duration probe_timeout = absl::Seconds(1);  // the longest that Probe() calls the keyring
  absl::Duration hold_time = absl::Seconds(1);  // a credential is held so long after its last use
  bool allow_plain_transfer = false;            // secrets may cross the bus without encryption
  absl::Duration prompt_timeout = absl::Minutes(2);  // the longest that a person may take
};

// Prompts only for a write that allows it. Calls run one at a time on the vault's own thread, so
// writes of one credential are serialized; while a person confirms a prompt, other calls go on. A
// call that waits until its deadline fails as timed out. LoadAll() waits `call_timeout` for each
// document.
class KeyringVault final : public Vault {
 public:
  // Fails with MALFORMED_REQUEST for an invalid instance name. Connects at the first call and not
  // here.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<KeyringVault>> Create(KeyringOptions options);

  // Uses another store of items, for tests. Requires: a valid instance name.
  KeyringVault(KeyringOptions options, std::unique_ptr<ItemStore> items);
  ~KeyringVault() override;
  KeyringVault(const KeyringVault&) = delete;
  KeyringVault& operator=(const KeyringVault&) = delete;

  [[nodiscard]] absl::StatusOr<CredentialPtr> Load(absl::string_view name) override;
  [[nodiscard]] absl::StatusOr<VaultContents> LoadAll() override;
  [[nodiscard]] absl::Status Create(const Credential& credential) override;
  [[nodiscard]] absl::Status Replace(const Credential& next) override;
  [[nodiscard]] absl::Status Restage(const Credential& next) override;
  [[nodiscard]] absl::Status Delete(absl::string_view name, absl::string_view uid,
                                    std::uint64_t version) override;
  [[nodiscard]] absl::StatusOr<SecretString> MasterKey() override;
  [[nodiscard]] absl::StatusOr<SecretString> CreateMasterKey() override;
  void TrustMasterKey(const SecretString& key) override;
  void AllowPrompts(bool allowed) override { prompt_.Allow(allowed); }
  void StopPrompts() override { prompt_.Stop(); }
  [[nodiscard]] absl::Status Probe() override;
  [[nodiscard]] VaultProvider provider() const override;
  [[nodiscard]] bool TakeChangedElsewhere() override { return changed_elsewhere_.exchange(false); }

 private:
  struct Change;
  struct Progress;
  using StoredOr = absl::StatusOr<absl::optional<StoredDocument>>;

  // Stores `next` if the stored credential has version `version`.
  absl::Status Overwrite(const Credential& next, std::uint64_t version);

  // Runs `work` on the keyring's thread within `call_timeout`.
  absl::Status OnThread(absl::FunctionRef<absl::Status(Deadline)> work);

  // Reads the documents at `paths`. Fails if the whole keyring is affected.
  absl::Status ReadEach(const std::vector<std::string>& paths, DocumentsByName& by_name);

  // Makes the change, and shows prompts of the provider if that is allowed.
  absl::Status Write(absl::string_view name, const Change& change);

  // On the keyring's thread:
  // Writes until the change is done and was read back. Returns the path of a prompt that the last
  // write waits for; empty once the change is done.
  absl::StatusOr<std::string> TryWrite(absl::string_view name, const Change& change,
                                       Progress& progress, Deadline deadline);
  // Reads the document from a keyring that has the trusted key.
  StoredOr ReadForWrite(absl::string_view name, const Progress& progress, Deadline deadline);
  // Returns true if the item exists, whether a search finds it or not.
  bool IsStored(const std::string& path, Deadline deadline);
  static absl::Status GiveUp(const Change& change, const Progress& progress);
  void NoteChanges(Deadline deadline);
  void Hold(CredentialPtr credential);
  void SweepLater();

  const KeyringOptions options_;
  HeldCredentials held_;
  WriteTurns turns_;
  std::atomic<bool> changed_elsewhere_ = false;
  mutable Mutex mutex_;
  VaultProvider provider_ ABSL_GUARDED_BY(mutex_);
  // Used on the keyring's thread only:
  bool sweep_scheduled_ = false;
  std::unique_ptr<ItemStore> items_;
  KeyringKey key_;
  DocumentReader documents_;
  KeyringThread thread_;
  KeyringPrompt prompt_;  // thread-safe
};

}  // namespace billbroker
