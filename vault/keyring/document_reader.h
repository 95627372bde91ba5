// DocumentReader: reads the documents of credentials from the keyring.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "vault/base/secret_string.h"
#include "vault/keyring/deadline.h"
#include "vault/keyring/item_store.h"
#include "vault/vault.h"

namespace billbroker {

// The stored document of one credential.
struct StoredDocument {
  std::vector<std::string> paths;  // of equal items; at least one
  SecretString document;
  CredentialPtr credential;
};

// Used on the keyring's thread only.
class DocumentReader final {
 public:
  DocumentReader(std::string instance, ItemStore& items)
      : instance_(std::move(instance)), items_(items) {}

  // Reads the document of `name`. Returns nullopt if the keyring has none. Fails with
  // VAULT_DOCUMENT_INVALID or VaultError().
  //
  // If the provider answers, but does not return this item in time, fails with kTimedOut at once in
  // the next five seconds: callers of other credentials must not wait for it.
  [[nodiscard]] absl::StatusOr<absl::optional<StoredDocument>> Read(absl::string_view name,
                                                                    Deadline deadline);

  // Returns the paths of all documents.
  [[nodiscard]] absl::StatusOr<std::vector<std::string>> FindAll(Deadline deadline);

  // Reads the document at `path`, and sets `name` as soon as it is known: to the credential's name,
  // or to a description if the item has none. Fails as Read(), or with kNotFound if there is no
  // credential any more.
  [[nodiscard]] absl::StatusOr<CredentialPtr> ReadAt(const std::string& path, std::string& name,
                                                     Deadline deadline);

 private:
  absl::StatusOr<CredentialPtr> ReadParsed(absl::string_view name, const std::string& path,
                                           SecretString& document, Deadline deadline);
  absl::StatusOr<SecretString> ReadSecret(absl::string_view name, const std::string& path,
                                          Deadline deadline);
  bool IsCredential(const ItemAttributes& attributes) const;
  bool IsPaused(const std::string& path) const;

  const std::string instance_;
  ItemStore& items_;
  std::map<std::string, Deadline> silent_;  // path of an item that was not returned -> next attempt
};

// The results of reading several documents, by name.
using DocumentsByName = std::map<std::string, absl::StatusOr<CredentialPtr>>;

// Adds a result. Two results of one name are an error, unless their documents are equal.
void AddDocument(const std::string& name, absl::StatusOr<CredentialPtr> read,
                 DocumentsByName& by_name);

[[nodiscard]] VaultContents ToContents(const DocumentsByName& by_name);

}  // namespace billbroker
