// CredentialManager: what operators do to credentials.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/session/engine.h"
#include "vault/base/clock.h"
#include "vault/base/mutex.h"
#include "vault/base/random.h"
#include "vault/credential.h"
#include "vault/directory.h"
#include "vault/vault.h"

namespace billbroker {

// The credential that an operator saw and now changes: of two operators one wins.
struct CredentialVersion {
  std::string name;
  std::string uid;
  std::uint64_t version = 0;
};

// Thread-safe; changes take turns. Every call blocks for as long as the keyring, and BILL where
// sessions are logged out, take to answer: call it on an executor that the engine does not need.
// What was stored is in the directory before the call returns.
//
// Errors of all calls: VAULT_LOCKED, VAULT_UNREACHABLE, VAULT_DOCUMENT_INVALID. After
// VAULT_UNREACHABLE the change may have been stored; the message says so.
class CredentialManager final {
 public:
  struct Parts {  // borrowed
    const Clock& clock;
    Random& random;
    Vault& vault;
    Directory& directory;
    Engine& engine;
    std::set<std::string> environments;  // the configured ones
  };

  explicit CredentialManager(Parts parts) : parts_(std::move(parts)) {}

  // Stores `draft` as version 1; its uid, version and times are set here.
  // MALFORMED_REQUEST; CREDENTIAL_EXISTS where the name is taken, or the BILL user belongs to
  // another credential (metadata "credential").
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> Create(Credential draft);

  // UNKNOWN_CREDENTIAL, VERSION_CONFLICT; SESSIONS_LIVE unless `force`, which logs them out first.
  [[nodiscard]] absl::Status Delete(const CredentialVersion& target, bool force);

  // Adds `organizations`, replacing the devKey of those that are there. UNKNOWN_CREDENTIAL,
  // VERSION_CONFLICT, MALFORMED_REQUEST.
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> Attach(const CredentialVersion& target,
                                                         std::vector<Organization> organizations);

  // Takes `organization_ids` away and logs their sessions out; that BILL does not answer a log-out
  // does not undo the change. UNKNOWN_CREDENTIAL, VERSION_CONFLICT, MALFORMED_REQUEST where one is
  // not attached.
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> Detach(
      const CredentialVersion& target, const std::vector<std::string>& organization_ids);

 private:
  [[nodiscard]] absl::Status CheckNew(const Credential& credential) const;
  absl::Status TellDirectory(const Credential& stored) const;
  // What is stored, if it is what the operator saw.
  [[nodiscard]] absl::StatusOr<Credential> LoadForChange(const CredentialVersion& target) const;
  // Stores `next` as the successor of its version; the directory is left to the caller.
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> StoreNext(Credential next);

  Parts parts_;
  // Held across calls into the vault, against the rule of Mutex: taking turns at these is all that
  // it is for. It guards no member, and no callback runs under it.
  Mutex turn_;
};

}  // namespace billbroker
