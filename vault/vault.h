// Vault: the store of credentials. Implementations are thread-safe; every call may block for a few
// seconds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "vault/base/secret_string.h"
#include "vault/credential.h"

namespace billbroker {

// In the order of the proto VaultState.
enum class VaultState {
  kReady,
  kLocked,        // the collection is locked, or unlocking would prompt
  kNoBus,         // no D-Bus session bus
  kNoProvider,    // no Secret Service on the bus
  kNoCollection,  // the Secret Service has no default collection
  kTimedOut,      // the Secret Service does not answer in time
  kUnknown,       // not probed yet
};

// Returns "READY", "LOCKED", "NO_BUS", …: the proto names without their prefix.
[[nodiscard]] absl::string_view VaultStateName(VaultState state);

// Returns the fix for a person, such as "unlock the login keyring, …"; empty for kReady.
[[nodiscard]] absl::string_view VaultFix(VaultState state);

// Returns VAULT_LOCKED for kLocked, and VAULT_UNREACHABLE for the other states. The message
// contains the fix, and metadata "vault_state" the name of the state. Requires: not kReady.
[[nodiscard]] absl::Status VaultError(VaultState state);

// Returns the state of a VaultError(); kReady for OK and for every other error.
[[nodiscard]] VaultState VaultStateOf(const absl::Status& status);

// Returns the error of every implementation, with metadata "credential".
[[nodiscard]] absl::Status UnknownCredential(absl::string_view name);
[[nodiscard]] absl::Status CredentialExists(absl::string_view name);
[[nodiscard]] absl::Status VersionConflict(absl::string_view name);

// A stored document that is foreign, broken or a duplicate. It is never changed.
struct InvalidDocument {
  std::string name;  // of the credential, or a description if it has none
  absl::Status why;  // VAULT_DOCUMENT_INVALID; contains no text of the document
};

// All stored credentials, as read from one unlocked collection.
struct VaultContents {
  std::vector<CredentialPtr> credentials;          // ordered by name
  std::vector<InvalidDocument> invalid_documents;  // ordered by name
};

class Vault {
 public:
  virtual ~Vault() = default;

  // Returns the newest version of the credential called `name`.
  //
  // Errors, here and below:
  //   VAULT_LOCKED, VAULT_UNREACHABLE  see VaultState; retry after it is repaired
  //   VAULT_DOCUMENT_INVALID           the document of `name` is foreign or broken; it is never
  //                                    changed
  //   UNKNOWN_CREDENTIAL               nothing is stored under `name`, in a collection seen
  //                                    unlocked before and after
  [[nodiscard]] virtual absl::StatusOr<CredentialPtr> Load(absl::string_view name) = 0;

  [[nodiscard]] virtual absl::StatusOr<VaultContents> LoadAll() = 0;

  // Stores a new credential, which must be valid and have a uid. Fails with CREDENTIAL_EXISTS if
  // the name is taken. A write whose answer was lost is read again: OK means stored, an error means
  // not stored, except for VAULT_UNREACHABLE, after which it may or may not be stored.
  [[nodiscard]] virtual absl::Status Create(const Credential& credential) = 0;

  // Replaces the whole document of a credential, which must be valid. Fails with VERSION_CONFLICT
  // unless the stored one has `next.uid` and version `next.version - 1`. Lost answers are handled
  // as in Create().
  [[nodiscard]] virtual absl::Status Replace(const Credential& next) = 0;

  // Does the same for a change of only `staged` and `history`, which makes no new version: the
  // stored one must have `next.uid` and version `next.version`.
  [[nodiscard]] virtual absl::Status Restage(const Credential& next) = 0;

  // Deletes the credential. Fails with VERSION_CONFLICT unless the stored one has this uid and
  // version. Lost answers are handled as in Create().
  [[nodiscard]] virtual absl::Status Delete(absl::string_view name, absl::string_view uid,
                                            std::uint64_t version) = 0;

  // Returns the instance's 32 random bytes, from which every key of the broker is derived
  // (fingerprints, sealing). The first call that finds none in a collection seen unlocked creates
  // and stores them.
  [[nodiscard]] virtual absl::StatusOr<SecretString> MasterKey() = 0;

  // Queries the state of the provider, within a second. Never prompts, and never unlocks by asking
  // a person.
  [[nodiscard]] virtual VaultState Probe() = 0;

  // Returns true if another program changed the stored items since the last call, according to the
  // provider's signals up to the last Probe(). If the provider sends none, the next Load() notices
  // the change.
  [[nodiscard]] virtual bool TakeChangedElsewhere() = 0;
};

}  // namespace billbroker
