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
  kLocked,             // the collection is locked, or unlocking would prompt
  kNoBus,              // no D-Bus session bus
  kNoProvider,         // no Secret Service on the bus
  kNoCollection,       // the Secret Service has no default collection
  kTimedOut,           // the Secret Service does not answer in time
  kUnknown,            // not probed yet
  kNeedsConfirmation,  // the Secret Service asks for a person to confirm a change
  kFailing,            // the Secret Service answers with an error
  kNotEncrypted,       // it transfers secrets only without encryption
  kReplaced,           // the keyring does not have the broker's master key, or has another one
  kKeyInvalid,         // the master key in the keyring is damaged
};

// Returns "READY", "LOCKED", "NO_BUS", …: the proto names without their prefix.
[[nodiscard]] absl::string_view VaultStateName(VaultState state);

// The observation behind a state. Empty texts mean the general ones of the state.
struct VaultFinding {
  std::string what = {};     // "the D-Bus session bus at … belongs to uid 1000, …"
  std::string fix = {};      // for a person
  std::string program = {};  // of the Secret Service, see VaultProvider; the general fix fits it
};

// Returns VAULT_LOCKED for kLocked and kNeedsConfirmation, and VAULT_UNREACHABLE for the other
// states. The message is "what; fix". Metadata: "vault_state" (its name) and "fix". Requires: not
// kReady.
[[nodiscard]] absl::Status VaultError(VaultState state, const VaultFinding& finding = {});

// Returns the error with metadata "outcome" = "unknown": the write may have been done, or be done
// later. Repeating the request is safe.
[[nodiscard]] absl::Status WithUnknownOutcome(const absl::Status& vault_error);

// Returns the state of a VaultError(); kReady for OK and for every other error.
[[nodiscard]] VaultState VaultStateOf(const absl::Status& status);
// Returns the observation and the fix of a VaultError(); empty texts for OK and for every other
// error.
[[nodiscard]] VaultFinding VaultFindingOf(const absl::Status& status);

// The Secret Service that answers. Texts are empty, and numbers 0, as long as they are not known.
struct VaultProvider {
  std::string bus_address = {};  // of the D-Bus session bus
  std::string program = {};      // base name of its executable, such as "gnome-keyring-daemon"
  std::int64_t process_id = 0;   // as the bus reports it
  std::string encryption = {};   // of transferred secrets; "plain" if they are not encrypted
  std::uint64_t takeovers = 0;   // counts the changes of the provider that the vault reported

  friend bool operator==(const VaultProvider&, const VaultProvider&) = default;
};

// Returns the error of every implementation, with metadata "credential".
[[nodiscard]] absl::Status UnknownCredential(absl::string_view name);
[[nodiscard]] absl::Status CredentialExists(absl::string_view name);
[[nodiscard]] absl::Status VersionConflict(absl::string_view name);

// A stored document that is foreign, broken, stored twice with different contents, or that the
// keyring does not return. It is never changed.
struct InvalidDocument {
  std::string name;  // of the credential, or a description if it has none
  absl::Status why;  // VAULT_DOCUMENT_INVALID or VaultError(); contains no text of the document
};

// All stored credentials, as read from one unlocked collection that has the master key.
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
  //   UNKNOWN_CREDENTIAL               nothing is stored under `name`, in a collection that has the
  //                                    trusted master key and was seen unlocked before and after.
  //                                    One such answer does not prove a deletion: see VaultSync
  [[nodiscard]] virtual absl::StatusOr<CredentialPtr> Load(absl::string_view name) = 0;

  [[nodiscard]] virtual absl::StatusOr<VaultContents> LoadAll() = 0;

  // Stores a new credential, which must be valid and have a uid. Fails with CREDENTIAL_EXISTS if
  // the name is taken.
  //
  // Every write needs a trusted master key, and is read back. OK means that it is stored. After an
  // error with metadata "outcome" = "unknown" it may be stored, or be stored later; after any other
  // error it is not stored.
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
  // (fingerprints, sealing). Fails with a kNotFound without a reason if the keyring has none and
  // none is trusted, and with VaultError(kReplaced) if it does not have the trusted one.
  [[nodiscard]] virtual absl::StatusOr<SecretString> MasterKey() = 0;

  // Stores a new master key if the keyring has none, and reads it back. Returns the stored one.
  [[nodiscard]] virtual absl::StatusOr<SecretString> CreateMasterKey() = 0;

  // Sets the key that the keyring must have from now on: otherwise nothing is written, and a
  // document that is missing does not count as deleted.
  virtual void TrustMasterKey(const SecretString& key) = 0;

  // Sets whether later writes of this thread may show a prompt of the provider to a person, and
  // wait up to two minutes for the answer. Without, a write that needs one fails with VAULT_LOCKED.
  virtual void AllowPrompts(bool allowed) = 0;

  // Ends the prompt that is shown, if any, and refuses later ones: the broker is shutting down.
  virtual void StopPrompts() = 0;

  // Returns OK if the keyring is ready, else VaultError(), within a second. Never prompts, and
  // never unlocks by asking a person.
  [[nodiscard]] virtual absl::Status Probe() = 0;

  // Returns the provider as of the last call.
  [[nodiscard]] virtual VaultProvider provider() const = 0;

  // Returns true if the stored items may have changed since the last call: another program changed
  // them, according to the provider's signals, or another provider took over. If a provider sends
  // no signal, the next Load() notices the change.
  [[nodiscard]] virtual bool TakeChangedElsewhere() = 0;
};

}  // namespace billbroker
