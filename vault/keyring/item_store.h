// ItemStore: the operations on the user's default keyring that the keyring vault needs.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "vault/base/secret_string.h"
#include "vault/keyring/deadline.h"
#include "vault/vault.h"

namespace billbroker {

using ItemAttributes = std::map<std::string, std::string>;

// Used on the keyring's thread only, the destructor included. Every call ends by its deadline.
//
// Errors of all calls:
//   VaultError(state)  the keyring cannot be used. After a write, VAULT_UNREACHABLE means that its
//                      answer was lost: it may have been done, or be done later
//   kNotFound          there is no item at the path (any more); a status without a reason
class ItemStore {
 public:
  virtual ~ItemStore() = default;

  [[nodiscard]] virtual VaultState Probe(Deadline deadline) = 0;

  // Returns the paths of the items that have all these attributes. An empty result is reliable: the
  // keyring was seen unlocked before and after.
  [[nodiscard]] virtual absl::StatusOr<std::vector<std::string>> Find(
      const ItemAttributes& attributes, Deadline deadline) = 0;

  [[nodiscard]] virtual absl::StatusOr<ItemAttributes> ReadAttributes(const std::string& path,
                                                                      Deadline deadline) = 0;
  [[nodiscard]] virtual absl::StatusOr<SecretString> ReadSecret(const std::string& path,
                                                                Deadline deadline) = 0;

  // Creates an item, or replaces the one that has exactly these attributes. Attributes and label
  // are not encrypted.
  [[nodiscard]] virtual absl::Status Create(const ItemAttributes& attributes,
                                            const std::string& label, const SecretString& secret,
                                            Deadline deadline) = 0;
  [[nodiscard]] virtual absl::Status Overwrite(const std::string& path, const SecretString& secret,
                                               Deadline deadline) = 0;
  [[nodiscard]] virtual absl::Status Remove(const std::string& path, Deadline deadline) = 0;

  // Returns the paths of items that the provider reported as created, changed or removed since the
  // last call. The calls above may be among the causes.
  [[nodiscard]] virtual std::set<std::string> TakeChanged() = 0;
};

}  // namespace billbroker
