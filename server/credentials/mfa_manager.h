// MfaManager: renews the MFA trust of a credential's BILL user, with the code that BILL sends to a
// person's phone.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/bill/bill_api.h"
#include "server/credentials/credential_manager.h"
#include "server/credentials/named_locks.h"
#include "server/session/session_manager.h"
#include "vault/base/clock.h"
#include "vault/base/executor.h"
#include "vault/base/mutex.h"
#include "vault/base/random.h"
#include "vault/base/secret_string.h"
#include "vault/credential_index.h"
#include "vault/vault.h"
#include "vault/vault_health.h"

namespace billbroker {

struct OpenChallenge {
  std::string id;  // the broker's own; BILL's id is never returned
  std::string organization_id;
  absl::Time expire_time;
};

struct MfaRenewal {
  CredentialInfoPtr credential;         // with the new rememberMeId
  std::vector<StepUpOutcome> sessions;  // the outcome for each live session
};

// Thread-safe; calls for one credential take turns. Each call but CredentialOf() blocks until BILL
// and the keyring answer: call it on an executor that the session manager does not need.
//
// A challenge is in memory only. A credential has at most one, for as long as BILL keeps it.
class MfaManager final {
 public:
  struct Parts {  // borrowed
    const Clock& clock;
    Random& random;
    Executor& executor;  // the session manager's
    Vault& vault;
    VaultHealth& vault_health;
    CredentialIndex& credentials;
    SessionManager& sessions;
    BillApi& bill;
    CredentialManager& manager;
  };

  // The time for which BILL accepts a code. Only BILL decides its exact end.
  static constexpr absl::Duration kChallengeLifetime = absl::Minutes(5);

  explicit MfaManager(Parts parts) : parts_(parts) {}

  // Makes BILL send a code to the phone of the credential's user, with a session of
  // `organization_id`. If that is empty, uses an organization with a live session, or the first
  // one. Only `principal` may complete the challenge; `cause` is its call.
  //
  // Errors: the errors of SessionManager::GetSession(), UNKNOWN_CREDENTIAL, MALFORMED_REQUEST for a
  // sync token, and
  //   MFA_FAILED        BILL refuses; metadata "bill_code"
  //   BILL_UNAVAILABLE, BILL_RATE_LIMITED   with a time to retry
  [[nodiscard]] absl::StatusOr<OpenChallenge> StartChallenge(const std::string& credential,
                                                             const std::string& organization_id,
                                                             const std::string& principal,
                                                             absl::Duration patience,
                                                             const CausePtr& cause = {});

  // Returns the name of the credential for which `principal` has this challenge open; nullopt if
  // there is none. Never blocks.
  [[nodiscard]] absl::optional<std::string> CredentialOf(const std::string& challenge_id,
                                                         const std::string& principal);

  // Answers the challenge with the code that the person received. Stores the rememberMeId that BILL
  // returns in the keyring, for `device` (empty: the one stored before, else "billbroker"). Later
  // sign-ins use it, and every live session of the user is stepped up.
  //
  // Errors:
  //   MALFORMED_REQUEST  `principal` has no such challenge open
  //   MFA_FAILED         BILL refuses the code; try again, unless BILL counted too many tries
  //   the errors of CredentialManager::RenewMfa()  the same call with any code stores the
  //   rememberMeId again, without a request to BILL
  [[nodiscard]] absl::StatusOr<MfaRenewal> CompleteChallenge(const std::string& challenge_id,
                                                             SecretString code,
                                                             const std::string& device,
                                                             const std::string& principal,
                                                             Prompts prompts = Prompts::kRefused);

  // Steps up the live sessions with the stored rememberMeId. Here and above, a step-up without an
  // answer after 15 seconds counts as kFailed and goes on. Fails with UNKNOWN_CREDENTIAL, or with
  // MFA_REQUIRED if no rememberMeId is stored.
  [[nodiscard]] absl::StatusOr<std::vector<StepUpOutcome>> StepUp(const std::string& credential);

 private:
  struct Challenge {
    CredentialId credential;
    std::string organization_id;
    SessionPtr session;  // BILL accepts the code only with this session
    SecretString bill_id;
    absl::optional<SecretString> passed;  // the rememberMeId, once BILL returned it
    std::string device;                   // of the rememberMeId
  };
  // The contents of `challenge` are used only during a turn of its credential.
  struct Entry {
    std::shared_ptr<Challenge> challenge;
    std::string credential;
    std::string principal;   // started the challenge
    absl::Duration expires;  // Clock::SinceBoot()
  };

  void DropExpired() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Returns the open challenge of `principal`; null if there is none.
  [[nodiscard]] std::shared_ptr<Challenge> Find(const std::string& id,
                                                const std::string& principal);
  void SetExpiry(const std::string& id, absl::Duration expires);
  [[nodiscard]] absl::Status Validate(const std::string& id, Challenge& challenge,
                                      SecretString code, const std::string& device);
  // Signs the challenge's organization in once. Returns true if the new session is MFA-trusted.
  [[nodiscard]] bool SignInTrusted(const Challenge& challenge, const std::string& principal);
  [[nodiscard]] std::vector<StepUpOutcome> StepUpAll(const CredentialInfoPtr& credential,
                                                     const SecretString& remember_me_id,
                                                     const std::string& device);

  const Parts parts_;
  NamedLocks turns_;  // by credential
  Mutex mutex_;
  std::map<std::string, Entry> challenges_ ABSL_GUARDED_BY(mutex_);  // by the broker's own id
};

}  // namespace billbroker
