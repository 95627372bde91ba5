// The attributes of the broker's items in the keyring.
//
// Attributes are readable while the keyring is locked, so there are only these:
//
//   xdg:schema   com.billbroker.Credential
//   application  billbroker
//   instance     KeyringOptions::instance
//   kind         "credential" or "key"
//   credential   its name (credentials only)
//
// 'secret-tool search --all application billbroker' lists the items.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "vault/keyring/item_store.h"

namespace billbroker {

// Returns the attributes for a search. These do not contain the schema: a search by schema finds
// nothing in a locked keyring, without an error.
[[nodiscard]] ItemAttributes AttributesOfKey(absl::string_view instance);
[[nodiscard]] ItemAttributes AttributesOfCredentials(absl::string_view instance);
[[nodiscard]] ItemAttributes AttributesOfCredential(absl::string_view instance,
                                                    absl::string_view name);

// Returns the attributes of a new item: those for a search, and the schema.
[[nodiscard]] ItemAttributes WithSchema(ItemAttributes attributes);

// Returns the credential's name in an item's attributes, or a description of the item at `path` if
// it has none.
[[nodiscard]] std::string CredentialNameIn(const ItemAttributes& attributes,
                                           absl::string_view path);

}  // namespace billbroker
