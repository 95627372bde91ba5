// KeyringVault: credentials in the user's keyring, through the Secret Service.
//
// One item per credential in the default keyring, its document replaced at once, and one item for
// the master key. Their attributes are readable while the keyring is locked, so they say only this:
//
//   xdg:schema   com.billbroker.Credential
//   application  billbroker
//   instance     the option below
//   kind         "credential" or "key"
//   credential   its name (credentials only)
//
// 'secret-tool search --all application billbroker' shows a person what there is.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/types/optional.h"
#include "vault/keyring/held_credentials.h"
#include "vault/keyring/item_store.h"
#include "vault/keyring/keyring_thread.h"
#include "vault/vault.h"

namespace billbroker {

struct KeyringOptions {
  std::string instance = "default";  // as a credential's name; one daemon at a time uses it
  absl::Duration call_timeout = absl::Seconds(3);   // the longest that a caller waits
  absl::Duration probe_timeout = absl::Seconds(1);  // the same for Probe()
  absl::Duration hold_time = absl::Seconds(1);      // what was read is held after its last use
};

// Never prompts. Calls run one at a time on a thread of its own, so writers are serialised; one
// that waits until its deadline fails as timed out. LoadAll() waits `call_timeout` for each
// document.
class KeyringVault final : public Vault {
 public:
  // MALFORMED_REQUEST for a bad instance name. Connects at the first call and not here.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<KeyringVault>> Create(KeyringOptions options);

  // Over another store of items, for tests. Requires: a good instance name.
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
  [[nodiscard]] VaultState Probe() override;
  [[nodiscard]] bool TakeChangedElsewhere() override { return changed_elsewhere_.exchange(false); }

 private:
  struct Stored;
  struct Change;
  using StoredOr = absl::StatusOr<absl::optional<Stored>>;

  // Stores `next` where version `version` of it is stored.
  absl::Status Overwrite(const Credential& next, std::uint64_t version);

  // Runs `work` on the keyring's thread within `call_timeout`.
  absl::Status OnThread(absl::FunctionRef<absl::Status(Deadline)> work);

  // On the keyring's thread:
  StoredOr Read(absl::string_view name, Deadline deadline);
  absl::Status Write(absl::string_view name, const Change& change, Deadline deadline);
  void NoteChanges(Deadline deadline);
  void Hold(CredentialPtr credential);
  void SweepLater();

  absl::Status CreateItem(ItemAttributes attributes, absl::string_view label,
                          const SecretString& secret, Deadline deadline);

  ItemAttributes AttributesOf(absl::string_view kind) const;
  ItemAttributes AttributesOfCredential(absl::string_view name) const;

  const KeyringOptions options_;
  HeldCredentials held_;
  std::atomic<bool> changed_elsewhere_ = false;
  bool sweep_scheduled_ = false;  // used on the keyring's thread only, as is items_
  std::unique_ptr<ItemStore> items_;
  KeyringThread thread_;
};

}  // namespace billbroker
