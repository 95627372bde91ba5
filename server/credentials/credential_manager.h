// CredentialManager: changes credentials for operators.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/credentials/change_requests.h"
#include "server/credentials/named_locks.h"
#include "server/credentials/unknown_outcomes.h"
#include "server/credentials/user_reservations.h"
#include "server/session/session_manager.h"
#include "vault/base/clock.h"
#include "vault/base/random.h"
#include "vault/credential.h"
#include "vault/credential_index.h"
#include "vault/fingerprint.h"
#include "vault/prompt_scope.h"
#include "vault/vault.h"
#include "vault/vault_health.h"

namespace billbroker {

// Thread-safe; changes of one credential take turns. Every call blocks until the keyring answers,
// and BILL if sessions are logged out: call it on an executor that the session manager does not
// need. A stored change is in the credential index before the call returns.
//
// Errors of all calls: VAULT_LOCKED, VAULT_UNREACHABLE, VAULT_DOCUMENT_INVALID. If an error has
// metadata "outcome" = "unknown", the keyring's answer was lost, and the change may be stored. The
// same call may be repeated: nothing is done twice. A change may show a prompt of the Secret
// Service only if its caller allows it, and then waits up to two minutes for each answer.
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
    int kept_versions = 1;               // replaced values that a roll-back may restore; 0 or more
  };

  explicit CredentialManager(Parts parts) : parts_(std::move(parts)), unknown_(parts_.clock) {}

  // Stores `draft` as version 1, with its own uid, version and times. Fails with MALFORMED_REQUEST,
  // or with CREDENTIAL_EXISTS if the name is taken or the BILL user belongs to another credential
  // (metadata "credential"). If the answer to an equal call of `principal` was lost, returns the
  // credential that it stored.
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> Create(Credential draft,
                                                         const std::string& principal = {},
                                                         Prompts prompts = Prompts::kRefused);

  // Deletes the credential in the keyring, and then logs its sessions out. After an error the
  // sessions stay. Fails with UNKNOWN_CREDENTIAL, VERSION_CONFLICT, or SESSIONS_LIVE unless `force`
  // is set.
  [[nodiscard]] absl::Status Delete(const CredentialVersion& target, bool force,
                                    Prompts prompts = Prompts::kRefused);

  // Adds `organizations`. If one is attached already, replaces its devKey and user id if they are
  // given. Fails with UNKNOWN_CREDENTIAL, VERSION_CONFLICT or MALFORMED_REQUEST.
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> Attach(const CredentialVersion& target,
                                                         std::vector<Organization> organizations,
                                                         const std::string& principal = {},
                                                         Prompts prompts = Prompts::kRefused);

  // Detaches `organization_ids` and logs their sessions out. The change stays even if BILL does not
  // answer a log-out. Fails with UNKNOWN_CREDENTIAL or VERSION_CONFLICT, or with MALFORMED_REQUEST
  // if one of the organizations is not attached.
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> Detach(
      const CredentialVersion& target, const std::vector<std::string>& organization_ids,
      const std::string& principal = {}, Prompts prompts = Prompts::kRefused);

  // Proves the change, then commits it: the candidate is staged beside the present secrets, and a
  // sign-in proves it. Then it takes effect as the next version, and the session of the proof
  // becomes the organization's next session. Live sessions stay.
  //
  // A repeated call, whose first answer was lost, returns the credential that the first call made:
  // if the stored version is the next one after `target`, was made by the same principal's rotation
  // of the same fields, and has the values of `change`. BILL receives nothing and the history
  // stays.
  //
  // Errors. After each of them the present secrets stay in effect:
  //   UNKNOWN_CREDENTIAL, VERSION_CONFLICT, MALFORMED_REQUEST, CREDENTIAL_EXISTS (a user name)
  //   CREDENTIAL_REJECTED, DEV_KEY_REJECTED, …   BILL refused it; nothing is staged
  //   LOGIN_BUDGET_SPENT, BILL_RATE_LIMITED, …   it was not tried; nothing is staged
  //   ROTATION_PENDING   a rotation is staged, perhaps this one: an answer of BILL or the keyring
  //                      was lost
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> Rotate(const CredentialVersion& target,
                                                         CredentialChange change,
                                                         const RotationOptions& options);

  // Restores the values that the newest kept rotation replaced, with the same proof. This can be
  // rolled back in turn. A secret that BILL refused is not tried again. Fails with
  // NO_PREVIOUS_VERSION.
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> Rollback(const CredentialVersion& target,
                                                           const RotationOptions& options);

  // Proves the staged rotation, and commits it or drops it. Fails with MALFORMED_REQUEST if no
  // rotation of that id is staged, according to the keyring.
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> ResumeRotation(
      const CredentialVersion& target, const std::string& rotation_id, absl::Duration patience,
      const std::string& principal = {}, const CausePtr& cause = {},
      Prompts prompts = Prompts::kRefused);
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> CancelRotation(
      const CredentialVersion& target, const std::string& rotation_id, const std::string& principal,
      Prompts prompts = Prompts::kRefused);

  // Returns true if the outcome of a recent change of the credential is unknown: the keyring may
  // have stored it late, without a notification. Never blocks.
  [[nodiscard]] bool IsInDoubt(absl::string_view name) const { return unknown_.Contains(name); }
  // Reads a credential that is in doubt again, and updates the credential index. If it cannot be
  // read, the index keeps its last values.
  void ReadAgain(const std::string& name);

  // Stores the rememberMeId that BILL returned for a passed MFA challenge. Does not compare the
  // version, because a person typed a code for the change. A roll-back does not return to the
  // version before it, and a rotation that is staged for the same BILL user loses its rememberMeId.
  // Fails with UNKNOWN_CREDENTIAL, or with VERSION_CONFLICT if another credential has the name now.
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> RenewMfa(const CredentialId& target,
                                                           SecretString remember_me_id,
                                                           std::string device,
                                                           std::string principal,
                                                           Prompts prompts = Prompts::kRefused);

  // Proves the secrets in effect by a sign-in. Nothing changes, except that the organization has a
  // new session. An empty `organization_id` means the first one. Returns OK if BILL accepts the
  // secrets.
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
  // Uses only the caller, its call and its patience from `options`. Probe() takes the rest from the
  // other arguments.
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> ProveStaged(Credential staged,
                                                              const Fingerprinter& prints,
                                                              const RotationOptions& options);
  [[nodiscard]] ProbeResult Probe(Credential candidate, const Fingerprinter& prints,
                                  ProbeRequest request);
  // Makes `made` take effect as the next version. `session` is that of its proof; null without one.
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> Commit(Credential current, StagedRotation made,
                                                         const Fingerprinter& prints,
                                                         const SessionPtr& session);
  // Removes the staged rotation, and adds `line` to the history if it is set.
  [[nodiscard]] absl::Status Unstage(Credential staged, const Fingerprinter& prints,
                                     absl::optional<PastChange> line);
  [[nodiscard]] absl::StatusOr<Credential> LoadStaged(const CredentialVersion& target,
                                                      const std::string& rotation_id) const;
  void EndSessions(const std::string& uid);

  // Adds a line to the history of the version that `next` will be.
  void RememberOrganizations(PastChangeKind kind, const std::string& principal,
                             Credential& next) const;

  [[nodiscard]] absl::Status CheckNew(const Credential& credential) const;
  // Returns the credential that an equal Create() stored whose answer was lost; null if there is
  // none. If it is not stored, gives `draft` its uid and times: if it is stored late, both writes
  // make one document.
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> FindCreated(Credential& draft,
                                                              const std::string& principal);
  // Returns the error for the answer to a write of the credential `name`. If the outcome of the
  // write is unknown, remembers this and requests a reload.
  [[nodiscard]] absl::Status Written(const std::string& name, const absl::Status& answer);
  // Reads the key from the keyring: once for each change is enough.
  [[nodiscard]] absl::StatusOr<Fingerprinter> Prints() const;
  absl::Status TellDirectory(const Credential& stored) const;
  // Returns the stored credential, or FailedRead().
  [[nodiscard]] absl::StatusOr<CredentialPtr> Load(const std::string& name) const;
  // Returns the stored credential if it is the version that the operator read.
  [[nodiscard]] absl::StatusOr<Credential> LoadForChange(const CredentialVersion& target) const;
  // Stores `next` as the successor of its version. The caller updates the credential index.
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> StoreNext(Credential next);

  Parts parts_;
  NamedLocks turns_;  // by credential
  UserReservations reservations_{parts_.credentials};
  UnknownOutcomes unknown_;
};

}  // namespace billbroker
