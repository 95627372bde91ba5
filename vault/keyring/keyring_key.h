// KeyringKey: the broker's master key in the keyring.
#pragma once

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "vault/base/secret_string.h"
#include "vault/keyring/deadline.h"
#include "vault/keyring/item_store.h"

namespace billbroker {

// The item holds the key as 64 hexadecimal digits, so that keyring tools can show and restore it.
// Used on the keyring's thread only.
class KeyringKey final {
 public:
  KeyringKey(std::string instance, ItemStore& items)
      : instance_(std::move(instance)), items_(items) {}

  // Reads the key item. Fails as Vault::MasterKey().
  [[nodiscard]] absl::StatusOr<SecretString> Read(Deadline deadline);

  // Fails unless the keyring has the trusted key. `needed`: also if none is trusted yet.
  [[nodiscard]] absl::Status Check(bool needed, Deadline deadline);

  // Returns a new random key as the text of an item.
  [[nodiscard]] static SecretString MakeText();
  // Stores a key beside any other one.
  [[nodiscard]] absl::StatusOr<NewItem> Create(const SecretString& text, Deadline deadline);

  // Sets the key that the keyring must have from now on.
  void Trust(const SecretString& key) { trusted_ = key.Clone(); }

 private:
  // Reads the key at `path`. Fails with VaultError(), or with kNotFound if it is not returned.
  absl::StatusOr<SecretString> ReadParsed(const std::string& path, Deadline deadline);

  const std::string instance_;
  ItemStore& items_;
  absl::optional<SecretString> trusted_;
};

}  // namespace billbroker
