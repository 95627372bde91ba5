// Engine: one state machine per pair of credential and organization, which gives all callers the
// same live session and signs in once for all of them. Design: docs/adr/0005-session-engine.md.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/bill/bill_api.h"
#include "server/session/pair.h"
#include "server/session/quarantine.h"
#include "server/session/session.h"
#include "server/session/sign_in_gate.h"
#include "vault/base/clock.h"
#include "vault/base/executor.h"
#include "vault/base/mutex.h"
#include "vault/base/random.h"
#include "vault/directory.h"
#include "vault/vault.h"

namespace billbroker {

// What is unsure at BILL is a setting; the defaults are what BILL's reference says.
struct EngineOptions {
  absl::Duration idle_window = absl::Minutes(35);  // a session dies after so long without a call
  absl::Duration sync_token_idle_window = absl::Hours(48);  // the same for sync-token credentials
  absl::Duration safety_margin =
      absl::Minutes(1);      // taken off the window: clocks and the way to BILL
  bool check_slides = true;  // GET /v3/login/session counts as activity
  absl::Duration first_backoff =
      absl::Seconds(1);  // after a transient failure; doubles, with jitter
  absl::Duration longest_backoff = absl::Minutes(1);
  absl::Duration lockout_cooldown = absl::Hours(1);  // how long LOCKED_OUT lasts by itself
  int max_failed_sign_ins_per_hour = 3;              // per environment and BILL user
};

struct LoginOutcome {
  SessionPtr session;
  bool reused = false;
};

enum class PairState { kNone, kSigningIn, kLive, kChecking, kQuarantined, kBackingOff };

// What ListSessions shows of a pair.
struct PairInfo {
  std::string organization_id;
  std::string credential;
  PairState state = PairState::kNone;
  std::uint64_t generation = 0;
  SessionPtr session;  // null where none is live
  int waiting_callers = 0;
  std::int64_t sign_ins = 0;
  absl::optional<absl::Time> retry_time;
  absl::optional<QuarantineEntry> quarantine;
};

struct EngineCounts {
  int live = 0;
  int signing_in = 0;
  int quarantined = 0;
  std::int64_t sign_ins = 0;
  std::int64_t failed_sign_ins = 0;
};

// Told what a log, an audit or a metric wants to know. Called without a lock held, on any thread;
// must not block.
class EngineObserver {
 public:
  virtual ~EngineObserver() = default;
  virtual void SignInSent(absl::string_view credential, absl::string_view organization_id) = 0;
  virtual void SignInEnded(absl::string_view credential, absl::string_view organization_id,
                           const absl::Status& outcome, std::uint64_t generation) = 0;
  virtual void SessionEnded(absl::string_view credential, absl::string_view organization_id,
                            std::uint64_t generation, absl::string_view why) = 0;
};

// Thread-safe. Callbacks run on any thread, sometimes before the call returns, without a lock held,
// exactly once each; they must not block. The engine must outlive every answer of `bill` and all
// work on `executor`.
//
// Errors of all calls: those of Directory::Find(), and
//   NO_LIVE_SESSION        `cached_only` and none is live
//   MFA_REQUIRED           `require_trusted` and BILL does not hold the session for trusted
//   CREDENTIAL_REJECTED, DEV_KEY_REJECTED, ORGANIZATION_REJECTED, LOCKED_OUT
//                          see Quarantine
//   LOGIN_BUDGET_SPENT     the user's failed sign-ins of the past hour reached the bound
//   BILL_RATE_LIMITED, BILL_UNAVAILABLE, SESSION_UNSTABLE
//                          with a time to retry
//   VAULT_LOCKED, VAULT_UNREACHABLE, VAULT_DOCUMENT_INVALID
//                          the credential could not be read
class Engine final : public DirectoryObserver {
 public:
  using SessionDone = absl::AnyInvocable<void(absl::StatusOr<SessionPtr>)>;
  using LoginDone = absl::AnyInvocable<void(absl::StatusOr<LoginOutcome>)>;
  // True where this call ended a session.
  using LogoutDone = absl::AnyInvocable<void(absl::StatusOr<bool>)>;

  struct Parts {  // borrowed
    const Clock& clock;
    Executor& executor;
    Random& random;
    Vault& vault;
    Directory& directory;
    BillApi& bill;
    EngineObserver& observer;
    // Environment name -> base URL.
    std::map<std::string, std::string> base_urls;
  };

  Engine(EngineOptions options, Parts parts);
  ~Engine() override;

  // A live session that satisfies `demand`: from memory, after a check, or after a sign-in that
  // all callers share. Errors of shape (min_remaining too long, cached_only with a report) are
  // MALFORMED_REQUEST.
  void GetSession(absl::string_view organization_id, absl::string_view credential,
                  const SessionDemand& demand, SessionDone done);

  // `force` spends a sign-in in spite of back-off and quarantine, which it lifts where BILL accepts it.
  void Login(absl::string_view organization_id, absl::string_view credential, bool force,
             LoginDone done);

  // Forgets the session at once, then ends it at BILL. Where BILL does not answer, the callback
  // hears it and a repeated call tries again. `if_generation` 0: whichever is live.
  void Logout(absl::string_view organization_id, absl::string_view credential,
              std::uint64_t if_generation, LogoutDone done);

  // Ends every session of the credential `uid`, likewise; `done` once BILL has answered for each.
  void LogoutAll(absl::string_view uid, absl::AnyInvocable<void()> done);
  [[nodiscard]] int CountLive(absl::string_view uid) const;

  // Every pair that was ever asked for, ordered by organization, then credential.
  [[nodiscard]] std::vector<PairInfo> List() const;
  [[nodiscard]] EngineCounts Counts() const;

  void CredentialChanged(const CredentialInfoPtr& before, const CredentialInfoPtr& after) override;

 private:
  // Work for after the lock is released: callbacks, calls to BILL, observers. Declare it before the
  // MutexLock.
  class Later;
  using Key = std::string;  // PairKeyOf()

  // Deciding what a caller gets (engine.cc).
  Pair& PairOf(const Key& key, const CredentialInfoPtr& credential,
               absl::string_view organization_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Pair* FindPair(const Key& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] bool IsLive(const Pair& pair) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::optional<absl::StatusOr<SessionPtr>> FromMemory(const Pair& pair,
                                                        const SessionDemand& demand) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Wait(const Key& key, Pair& pair, Waiter waiter, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Answers all who wait: with the live session (those whom it does not satisfy start a sign-in),
  // or with an error. The pair may be gone afterwards.
  void AnswerWaiters(const Key& key, Pair& pair, bool just_signed_in, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FailWaiters(const Key& key, Pair& pair, const absl::Status& error, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Forget(Pair& pair, absl::string_view why, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Ends `session` at BILL; it is remembered as `ending` until BILL confirms.
  void SignOut(const Key& key, Pair& pair, SessionPtr session, LogoutDone done, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnSignedOut(const Key& key, const SessionPtr& session, const BillResult<SignedOut>& result,
                   LogoutDone done);
  void Sweep();
  [[nodiscard]] PairInfo Describe(const Pair& pair) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Checking and signing in (engine_sign_in.cc), in the order in which they happen.
  void StartCheck(const Key& key, Pair& pair, Later& later) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnChecked(const Key& key, const SessionPtr& session, absl::Duration sent,
                 const BillResult<SessionInfo>& result);
  void OnDead(const Key& key, Pair& pair, Later& later) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void StartSignIn(const Key& key, Pair& pair, Later& later) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Why no sign-in may be sent now; OK where one may. `forced` passes back-off and quarantine.
  [[nodiscard]] absl::Status Obstacle(const Pair& pair, bool forced, absl::Duration now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] absl::Status BackingOff(const Pair& pair, absl::Duration now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LoadAndSend(const Key& key, Attempt attempt);
  // What the directory knows of the credential after the vault said `stored`.
  absl::StatusOr<CredentialInfoPtr> TellDirectory(const CredentialInfoPtr& seen,
                                                  const absl::StatusOr<CredentialPtr>& stored);
  // The stored credential is another than the one that was decided on: decides again, with `current`.
  void DecideAgain(const Key& key, Pair& pair, const Attempt& attempt, CredentialInfoPtr current,
                   Later& later) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnNotSent(const Key& key, const Attempt& attempt, const absl::Status& error);
  void OnSignedIn(const Key& key, const Attempt& attempt, BillResult<SignInAnswer> result);
  void Adopt(const Key& key, Pair& pair, const Attempt& attempt, SignInAnswer answer, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Judge(Pair& pair, const Attempt& attempt, const BillError& error)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Park(const Pair& pair, const CredentialInfo& credential, const BillError& error)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status BackOff(Pair& pair, Reason reason, const BillError& error, absl::Duration at_least)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WakeWaiting(const std::string& user, Later& later) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const EngineOptions options_;
  const Parts parts_;
  mutable Mutex mutex_;
  absl::flat_hash_map<Key, std::unique_ptr<Pair>> pairs_ ABSL_GUARDED_BY(mutex_);
  Quarantine quarantine_ ABSL_GUARDED_BY(mutex_);
  SignInGate gate_ ABSL_GUARDED_BY(mutex_);
  // devKey fingerprint in its environment -> when BILL's hourly limit is over, on
  // Clock::SinceBoot().
  absl::flat_hash_map<std::string, absl::Duration> parked_dev_keys_ ABSL_GUARDED_BY(mutex_);
  std::int64_t sign_ins_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t failed_sign_ins_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace billbroker
