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

// Ordered as proto VaultState.
enum class VaultState {
  kReady,
  kLocked,        // the collection is locked, or unlocking would prompt
  kNoBus,         // no D-Bus session bus
  kNoProvider,    // no Secret Service on it
  kNoCollection,  // the Secret Service has no default collection
  kTimedOut,      // it does not answer in time
  kUnknown,       // not asked yet
};

// "READY", "LOCKED", "NO_BUS", …: the proto names without their prefix.
[[nodiscard]] absl::string_view VaultStateName(VaultState state);

// What a person does about it, such as "unlock the login keyring, …"; empty for kReady.
[[nodiscard]] absl::string_view VaultFix(VaultState state);

// VAULT_LOCKED for kLocked, VAULT_UNREACHABLE for the rest; the message carries the fix, metadata
// "vault_state" the state's name. Requires: not kReady.
[[nodiscard]] absl::Status VaultError(VaultState state);

// The state that VaultError() was made of; kReady for OK and for every other error.
[[nodiscard]] VaultState VaultStateOf(const absl::Status& status);

// What every implementation answers; metadata "credential".
[[nodiscard]] absl::Status UnknownCredential(absl::string_view name);
[[nodiscard]] absl::Status CredentialExists(absl::string_view name);
[[nodiscard]] absl::Status VersionConflict(absl::string_view name);

// A stored document that is not ours, or broken, or there more than once. It is left alone.
struct InvalidDocument {
  std::string name;  // of the credential, or words for people where it has none
  absl::Status why;  // VAULT_DOCUMENT_INVALID; holds nothing of the document
};

// Everything that is stored, as seen in one unlocked collection.
struct VaultContents {
  std::vector<CredentialPtr> credentials;          // ordered by name
  std::vector<InvalidDocument> invalid_documents;  // ordered by name
};

class Vault {
 public:
  virtual ~Vault() = default;

  // The newest version of the credential called `name`.
  //
  // Errors, here and below:
  //   VAULT_LOCKED, VAULT_UNREACHABLE   see VaultState; a retry helps once that is mended
  // VAULT_DOCUMENT_INVALID            what is stored under `name` is foreign or broken; it is left
  // UNKNOWN_CREDENTIAL                nothing is stored under `name`, in a collection seen unlocked
  //                                     before and after
  [[nodiscard]] virtual absl::StatusOr<CredentialPtr> Load(absl::string_view name) = 0;

  [[nodiscard]] virtual absl::StatusOr<VaultContents> LoadAll() = 0;

  // Stores a new credential, which must be valid and have a uid. CREDENTIAL_EXISTS where the name
  // is taken. A write whose answer was lost is read again: OK means stored, an error means that it
  // is not, except VAULT_UNREACHABLE, after which it may or may not be.
  [[nodiscard]] virtual absl::Status Create(const Credential& credential) = 0;

  // Replaces the whole document of a credential that must be valid. VERSION_CONFLICT unless the
  // stored one has `next.uid` and version `next.version - 1`. Lost answers as in Create().
  [[nodiscard]] virtual absl::Status Replace(const Credential& next) = 0;

  // The same for a change of nothing but `staged` and `history`, which makes no new version: the
  // stored one must have `next.uid` and version `next.version`.
  [[nodiscard]] virtual absl::Status Restage(const Credential& next) = 0;

  // VERSION_CONFLICT unless the stored one has this uid and version. Lost answers as in Create().
  [[nodiscard]] virtual absl::Status Delete(absl::string_view name, absl::string_view uid,
                                            std::uint64_t version) = 0;

  // The instance's 32 random bytes, from which every key of the broker is derived (fingerprints,
  // sealing). Made and stored at the first call that finds none in a collection seen unlocked.
  [[nodiscard]] virtual absl::StatusOr<SecretString> MasterKey() = 0;

  // Asks the provider how it is, within a second. Never prompts, never unlocks by asking a
  // person.
  [[nodiscard]] virtual VaultState Probe() = 0;

  // True where somebody else changed what is stored since the last call, as far as the provider has
  // told by the last Probe(). Where it tells nothing, the next Load() finds out.
  [[nodiscard]] virtual bool TakeChangedElsewhere() = 0;
};

}  // namespace billbroker
