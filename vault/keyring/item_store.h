// ItemStore: the operations on the user's default keyring that the keyring vault needs.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "vault/base/secret_string.h"
#include "vault/keyring/deadline.h"
#include "vault/vault.h"

namespace billbroker {

using ItemAttributes = std::map<std::string, std::string>;

// The changes of the keyring since the last look, as the provider's signals report them.
struct KeyringChanges {
  bool provider = false;           // another process took over, or none has
  std::vector<std::string> items;  // paths that were created, changed or removed by others
};

// The answer to the creation of an item.
struct NewItem {
  std::string path;    // empty if a prompt comes first
  std::string prompt;  // that a person must answer before the item is created; empty if it is done
};

// Used on the keyring's thread only, the destructor included. Every call ends by its deadline.
//
// Errors of all calls:
//   VaultError(state)  the keyring cannot be used, or cannot return this item. After a write,
//                      VAULT_UNREACHABLE means that its answer was lost: it may have been done, or
//                      be done later
//   kNotFound          there is no item at the path (any more); a status without a reason
class ItemStore {
 public:
  virtual ~ItemStore() = default;

  [[nodiscard]] virtual absl::Status Probe(Deadline deadline) = 0;

  // Returns the paths of the items that have all these attributes; some of them may be locked. An
  // empty result is reliable as far as the provider is: the keyring was seen unlocked before and
  // after.
  [[nodiscard]] virtual absl::StatusOr<std::vector<std::string>> Find(
      const ItemAttributes& attributes, Deadline deadline) = 0;

  [[nodiscard]] virtual absl::StatusOr<ItemAttributes> ReadAttributes(const std::string& path,
                                                                      Deadline deadline) = 0;
  // Fails with VaultError(kLocked) if only this item is locked.
  [[nodiscard]] virtual absl::StatusOr<SecretString> ReadSecret(const std::string& path,
                                                                Deadline deadline) = 0;

  // Creates an item, also if another one has these attributes. Attributes and label are not
  // encrypted.
  [[nodiscard]] virtual absl::StatusOr<NewItem> Create(const ItemAttributes& attributes,
                                                       const std::string& label,
                                                       const SecretString& secret,
                                                       Deadline deadline) = 0;
  // Returns, as Remove() does, the path of the prompt that a person must answer before the change
  // is made; empty if it is made.
  [[nodiscard]] virtual absl::StatusOr<std::string> Overwrite(const std::string& path,
                                                              const SecretString& secret,
                                                              Deadline deadline) = 0;
  [[nodiscard]] virtual absl::StatusOr<std::string> Remove(const std::string& path,
                                                           Deadline deadline) = 0;

  // Receives the end of a prompt: OK if the person confirmed it, VaultError(kNeedsConfirmation) if
  // the person dismissed it, and VaultError() of another state if the keyring ended first.
  using OnPrompted = std::function<void(const absl::Status& end)>;
  // Shows a prompt that a write returned. `prompted` runs on the keyring's thread when it ends,
  // unless DismissPrompt() is called first.
  [[nodiscard]] virtual absl::Status ShowPrompt(const std::string& prompt, OnPrompted prompted,
                                                Deadline deadline) = 0;
  // Refuses a prompt that a write returned.
  virtual void DismissPrompt(const std::string& prompt) = 0;

  // Starts a new session for the transfer of secrets at the next use: a secret that cannot be
  // parsed may have been encrypted for another client.
  virtual void RenewSession() = 0;

  // Returns the changes since the last call. The calls above cause none, nor does a prompt that a
  // person confirmed in time, unless the provider's answer was lost.
  [[nodiscard]] virtual KeyringChanges TakeChanges() = 0;

  [[nodiscard]] virtual VaultProvider provider() const = 0;
};

}  // namespace billbroker
