// CredentialManager: what operators do to credentials.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/session/session_manager.h"
#include "vault/base/clock.h"
#include "vault/base/mutex.h"
#include "vault/base/random.h"
#include "vault/credential.h"
#include "vault/credential_index.h"
#include "vault/fingerprint.h"
#include "vault/vault.h"
#include "vault/vault_health.h"

namespace billbroker {

// The credential that an operator saw and now changes: of two operators one wins.
struct CredentialVersion {
  std::string name;
  std::string uid;
  std::uint64_t version = 0;
};

// A credential, whatever its version.
struct CredentialId {
  std::string name;
  std::string uid;
};

// How a change of secrets is proved, and what follows it.
struct RotationOptions {
  std::string organization_id = {};     // whose sign-in proves it; empty: the first one
  bool verify = true;                   // false: stored without proof
  bool end_sessions = false;            // all of the credential's, at BILL and here, once in force
  std::string principal = {};           // who asks
  CausePtr cause = {};                  // by which call
  absl::Duration patience = kPatience;  // of the proof
};

// Thread-safe; changes take turns. Every call blocks for as long as the keyring, and BILL where
// sessions are logged out, take to answer: call it on an executor that the session manager does not
// need. What was stored is in the credential index before the call returns.
//
// Errors of all calls: VAULT_LOCKED, VAULT_UNREACHABLE, VAULT_DOCUMENT_INVALID. After
// VAULT_UNREACHABLE the change may have been stored; the message says so.
class CredentialManager final {
 public:
  struct Parts {  // borrowed
    const Clock& clock;
    Random& random;
    Vault& vault;
    VaultHealth& vault_health;
    CredentialIndex& credentials;
    SessionManager& sessions;
    std::set<std::string> environments;  // the configured ones
    int kept_versions = 1;               // old ones that a roll-back may bring back; 0 or more
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
                                                         std::vector<Organization> organizations,
                                                         const std::string& principal = {});

  // Takes `organization_ids` away and logs their sessions out; that BILL does not answer a log-out
  // does not undo the change. UNKNOWN_CREDENTIAL, VERSION_CONFLICT, MALFORMED_REQUEST where one is
  // not attached.
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> Detach(
      const CredentialVersion& target, const std::vector<std::string>& organization_ids,
      const std::string& principal = {});

  // Prove, then commit: the candidate is staged beside what is in force, a sign-in proves it, it is
  // put in force as the next version, and the proof's session becomes the organization's next one.
  // Live sessions stay.
  //
  // A repeated call, whose first answer was lost, returns the credential that the first call made:
  // if the stored version is the next one after `target`, was made by the same principal's rotation
  // of the same fields, and has the values of `change`. BILL receives nothing and the history
  // stays.
  //
  // Errors, after each of which what was in force is in force:
  //   UNKNOWN_CREDENTIAL, VERSION_CONFLICT, MALFORMED_REQUEST, CREDENTIAL_EXISTS (a user name)
  //   CREDENTIAL_REJECTED, DEV_KEY_REJECTED, …   BILL refused it; nothing is staged any more
  //   LOGIN_BUDGET_SPENT, BILL_RATE_LIMITED, …   it was not tried; nothing is staged any more
  //   ROTATION_PENDING   one is staged, perhaps this one: BILL's answer was lost, or the keyring's
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> Rotate(const CredentialVersion& target,
                                                         CredentialChange change,
                                                         const RotationOptions& options);

  // Puts back what the newest rotation that is kept replaced, likewise; that can be rolled back in
  // turn. A secret that BILL refused is not tried again for it. NO_PREVIOUS_VERSION.
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> Rollback(const CredentialVersion& target,
                                                           const RotationOptions& options);

  // Proves what is staged, and commits it, or forgets it. MALFORMED_REQUEST where no rotation of
  // that id is staged.
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> ResumeRotation(const CredentialVersion& target,
                                                                 const std::string& rotation_id,
                                                                 absl::Duration patience,
                                                                 const std::string& principal = {},
                                                                 const CausePtr& cause = {});
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> CancelRotation(const CredentialVersion& target,
                                                                 const std::string& rotation_id,
                                                                 const std::string& principal);

  // Stores what BILL gave for a passed MFA challenge, over whatever version is in force: a person
  // typed a code for it. It is no version to roll back from. UNKNOWN_CREDENTIAL; VERSION_CONFLICT
  // where the name is another credential's by now.
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> RenewMfa(const CredentialId& target,
                                                           SecretString remember_me_id,
                                                           std::string device,
                                                           std::string principal);

  // Proves what is in force, and changes nothing but that the organization has a new session.
  // `organization_id` empty: the first one. OK where BILL accepts it.
  [[nodiscard]] absl::Status Verify(const CredentialVersion& target,
                                    const std::string& organization_id, absl::Duration patience,
                                    const std::string& principal = {}, const CausePtr& cause = {});

 private:
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> Change(Credential current, PastChangeKind kind,
                                                         CredentialChange change,
                                                         const RotationOptions& options);
  [[nodiscard]] absl::Status CheckChange(const Credential& current,
                                         const CredentialChange& change) const;
  // Returns the credential that an equal, earlier Rotate() made; null if there is none.
  [[nodiscard]] CredentialInfoPtr FindRepeated(const CredentialVersion& target,
                                               const CredentialChange& change,
                                               const RotationOptions& options) const;
  // Of `options`, and of Probe()'s `request`, what says who asks and how long that one waits.
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> ProveStaged(Credential staged,
                                                              const Fingerprinter& prints,
                                                              const RotationOptions& options);
  [[nodiscard]] ProbeResult Probe(Credential candidate, const Fingerprinter& prints,
                                  ProbeRequest request);
  // Puts `made` in force as the next version; `session` is its proof's, null without one.
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> Commit(Credential current, StagedRotation made,
                                                         const Fingerprinter& prints,
                                                         const SessionPtr& session);
  // Takes away what is staged, and remembers `line` where there is one.
  [[nodiscard]] absl::Status Unstage(Credential staged, const Fingerprinter& prints,
                                     absl::optional<PastChange> line);
  [[nodiscard]] absl::StatusOr<Credential> LoadStaged(const CredentialVersion& target,
                                                      const std::string& rotation_id) const;
  void EndSessions(const std::string& uid);

  // As a line of the history of the version that `next` will be.
  void RememberOrganizations(PastChangeKind kind, const std::string& principal,
                             Credential& next) const;

  [[nodiscard]] absl::Status CheckNew(const Credential& credential) const;
  // What is said of a write's answer; where its outcome is unknown a reload is requested.
  [[nodiscard]] absl::Status Written(const absl::Status& answer) const;
  // Read from the keyring: once for each change is enough.
  [[nodiscard]] absl::StatusOr<Fingerprinter> Prints() const;
  absl::Status TellDirectory(const Credential& stored) const;
  // What is stored, if it is what the operator saw.
  [[nodiscard]] absl::StatusOr<Credential> LoadForChange(const CredentialVersion& target) const;
  // Stores `next` as the successor of its version; the credential index is left to the caller.
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> StoreNext(Credential next);

  Parts parts_;
  // Held across calls into the vault, against the rule of Mutex: taking turns at these is all that
  // it is for. It guards no member, and no callback runs under it.
  Mutex turn_;
};

}  // namespace billbroker
