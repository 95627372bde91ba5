// Engine: one state machine per pair of credential and organization, which gives all callers the
// same live session and signs in once for all of them. Design: docs/adr/0005-session-engine.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/bill/bill_api.h"
#include "server/session/quarantine.h"
#include "server/session/session.h"
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

struct GetSessionOptions {
  absl::Duration min_remaining;        // 0 to half of the idle window
  std::uint64_t stale_generation = 0;  // 0: no report
  bool require_trusted = false;
  bool cached_only = false;
};

struct LoginResult {
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
//   NO_LIVE_SESSION                    `cached_only` and none is live
//   MFA_REQUIRED                       `require_trusted` and BILL does not hold the session for
//   trusted CREDENTIAL_REJECTED, DEV_KEY_REJECTED, ORGANIZATION_REJECTED, LOCKED_OUT   see
//   Quarantine LOGIN_BUDGET_SPENT                 the user's failed sign-ins of the past hour
//   reached the bound BILL_RATE_LIMITED, BILL_UNAVAILABLE, SESSION_UNSTABLE   with a time to retry
//   VAULT_LOCKED, VAULT_UNREACHABLE, VAULT_DOCUMENT_INVALID   the credential could not be read
class Engine final : public DirectoryObserver {
 public:
  using SessionDone = absl::AnyInvocable<void(absl::StatusOr<SessionPtr>)>;
  using LoginDone = absl::AnyInvocable<void(absl::StatusOr<LoginResult>)>;
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

  // A live session that satisfies `options`: from memory, after a check, or after a sign-in that
  // all callers share. Errors of shape (min_remaining too long, cached_only with a report) are
  // MALFORMED_REQUEST.
  void GetSession(absl::string_view organization_id, absl::string_view credential,
                  const GetSessionOptions& options, SessionDone done);

  // `force` spends a sign-in and lifts the quarantine first.
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
};

}  // namespace billbroker
