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
#include "server/session/session_manager.h"
#include "vault/base/clock.h"
#include "vault/base/executor.h"
#include "vault/base/mutex.h"
#include "vault/base/random.h"
#include "vault/base/secret_string.h"
#include "vault/credential_index.h"
#include "vault/vault.h"

namespace billbroker {

struct OpenChallenge {
  std::string id;  // ours: BILL's stays here
  std::string organization_id;
  absl::Time expire_time;
};

struct MfaRenewal {
  CredentialInfoPtr credential;         // with the new rememberMeId
  std::vector<StepUpOutcome> sessions;  // what became of each live one
};

// Thread-safe; calls take turns, and each blocks for as long as BILL and the keyring take: call it
// on an executor that neither the session manager nor CredentialManager's callers need.
//
// A challenge lives in memory only, one for a credential, for as long as it does at BILL.
class MfaManager final {
 public:
  struct Parts {  // borrowed
    const Clock& clock;
    Random& random;
    Executor& executor;  // that the session manager uses
    Vault& vault;
    CredentialIndex& credentials;
    SessionManager& sessions;
    BillApi& bill;
    CredentialManager& manager;
  };

  // How long BILL takes a code. Sure is only that it ends: BILL itself decides.
  static constexpr absl::Duration kChallengeLifetime = absl::Minutes(5);

  explicit MfaManager(Parts parts) : parts_(parts) {}

  // Has BILL send a code to the phone of the credential's user, with a session of
  // `organization_id`, or where that is empty of one that has a live one, or the first. Only
  // `principal` may complete it; `cause`: the call by which it asks.
  //
  // Errors: those of SessionManager::GetSession(), UNKNOWN_CREDENTIAL, MALFORMED_REQUEST for a sync
  // token,
  //   MFA_FAILED        BILL refuses; metadata "bill_code"
  //   BILL_UNAVAILABLE, BILL_RATE_LIMITED   with a time to retry
  [[nodiscard]] absl::StatusOr<OpenChallenge> StartChallenge(const std::string& credential,
                                                             const std::string& organization_id,
                                                             const std::string& principal,
                                                             absl::Duration patience,
                                                             const CausePtr& cause = {});

  // The name of the credential that `principal` has such a challenge open for; nullopt where none.
  [[nodiscard]] absl::optional<std::string> CredentialOf(const std::string& challenge_id,
                                                         const std::string& principal);

  // Answers it with what the person read. The rememberMeId that BILL gives is stored in the keyring
  // as one of `device` (empty: the one that was stored before, else "billbroker"), later sign-ins
  // carry it, and every live session of the user is stepped up.
  //
  // Errors: MALFORMED_REQUEST where `principal` has no such challenge open; MFA_FAILED, after which
  // the challenge may be tried again unless BILL counted too many tries; those of
  // CredentialManager::RenewMfa(), after which the same call with any code stores what BILL gave,
  // without asking BILL again.
  [[nodiscard]] absl::StatusOr<MfaRenewal> CompleteChallenge(const std::string& challenge_id,
                                                             SecretString code,
                                                             const std::string& device,
                                                             const std::string& principal);

  // Steps up the live sessions by what is stored. Those of which BILL has said nothing after 15
  // seconds count as kFailed, here and above, and go on. UNKNOWN_CREDENTIAL; MFA_REQUIRED where
  // nothing is stored.
  [[nodiscard]] absl::StatusOr<std::vector<StepUpOutcome>> StepUp(const std::string& credential);

 private:
  struct Challenge {
    CredentialId credential;
    std::string organization_id;
    SessionPtr session;  // that BILL ties it to
    SecretString bill_id;
    absl::Duration expires;               // Clock::SinceBoot()
    absl::optional<SecretString> passed;  // the rememberMeId, once BILL gave it
    std::string device;                   // that it belongs to
    std::string principal;                // that started it
  };

  void DropExpired() ABSL_EXCLUSIVE_LOCKS_REQUIRED(turn_);
  [[nodiscard]] absl::Status Validate(Challenge& challenge, SecretString code,
                                      const std::string& device);
  // Signs the challenge's organization in once. Returns true if the new session is MFA-trusted.
  [[nodiscard]] bool SignInTrusted(const Challenge& challenge, const std::string& principal);
  [[nodiscard]] std::vector<StepUpOutcome> StepUpAll(const CredentialInfoPtr& credential,
                                                     const SecretString& remember_me_id,
                                                     const std::string& device);

  const Parts parts_;
  // As CredentialManager's. It guards `challenges_` as well.
  Mutex turn_;
  std::map<std::string, Challenge> challenges_ ABSL_GUARDED_BY(turn_);  // by our id
};

}  // namespace billbroker
