// ItemStore: the items of the user's default keyring, as far as the keyring vault needs them.
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
//   kNotFound          no item (any more) at the path; a status without a reason
class ItemStore {
 public:
  virtual ~ItemStore() = default;

  [[nodiscard]] virtual VaultState Probe(Deadline deadline) = 0;

  // The paths of the items that have all these attributes. An empty answer is a true one: the
  // keyring was seen unlocked before and after.
  [[nodiscard]] virtual absl::StatusOr<std::vector<std::string>> Find(
      const ItemAttributes& attributes, Deadline deadline) = 0;

  [[nodiscard]] virtual absl::StatusOr<ItemAttributes> ReadAttributes(const std::string& path,
                                                                      Deadline deadline) = 0;
  [[nodiscard]] virtual absl::StatusOr<SecretString> ReadSecret(const std::string& path,
                                                                Deadline deadline) = 0;

  // Makes an item, or replaces the one that has exactly these attributes. They and the label are
  // not encrypted.
  [[nodiscard]] virtual absl::Status Create(const ItemAttributes& attributes,
                                            const std::string& label, const SecretString& secret,
                                            Deadline deadline) = 0;
  [[nodiscard]] virtual absl::Status Overwrite(const std::string& path, const SecretString& secret,
                                               Deadline deadline) = 0;
  [[nodiscard]] virtual absl::Status Remove(const std::string& path, Deadline deadline) = 0;

  // Paths of items that others made, changed or removed since the last call, as far as was told.
  // What the calls above did may be among them.
  [[nodiscard]] virtual std::set<std::string> TakeChanged() = 0;
};

}  // namespace billbroker
