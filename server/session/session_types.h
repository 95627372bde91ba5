// What goes into the engine and comes out of it: its options, and what it tells of sessions and
// probes.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/session/cause.h"
#include "server/session/login_governor.h"
#include "server/session/quarantine.h"
#include "server/session/session.h"
#include "server/session/session_slot.h"
#include "vault/credential.h"
#include "vault/directory.h"

namespace billbroker {

// What is unsure at BILL is a setting; the defaults are what BILL's reference says.
struct SessionManagerOptions {
  absl::Duration idle_window = absl::Minutes(35);  // a session dies after so long without a call
  absl::Duration sync_token_idle_window = absl::Hours(48);    // the same for sync-token credentials
  absl::Duration max_session_age = absl::InfiniteDuration();  // it dies so long after its sign-in
  absl::Duration safety_margin = absl::Minutes(1);  // taken off both: clocks and the way to BILL
  bool sliding = true;       // calls move the idle deadline; false: it counts from the sign-in
  bool check_slides = true;  // GET /v3/login/session is such a call
  absl::Duration keep_alive = absl::Hours(8);  // after a caller last asked, a session is kept alive
  int keep_alive_calls_per_hour = 5000;        // at most so many for it, per devKey; at least 10
  int stale_reports_per_hour = 600;            // that cost a check, per principal; at least 10
  GovernorOptions governor;
  bool prewarm_all = false;                    // sign in to every organization without being asked
  std::set<std::string, std::less<>> prewarm;  // or to these
  absl::Duration first_backoff =
      absl::Seconds(1);  // after a transient failure; doubles, with jitter
  absl::Duration longest_backoff = absl::Minutes(1);
  // A session that was replaced while it was live is logged out at BILL so long afterwards.
  absl::Duration replaced_grace = absl::Minutes(5);
  absl::Duration lockout_cooldown = absl::Hours(1);  // how long LOCKED_OUT lasts by itself
  int max_failed_sign_ins_per_hour = 3;              // per environment and BILL user
};

struct LoginOutcome {
  SessionPtr session;
  bool reused = false;
};

// What a probe found out about a credential.
enum class ProbeVerdict {
  kAccepted,  // BILL signed it in
  kRefused,   // BILL judged it: it will not do
  kUnclear,   // the answer was lost: BILL may have accepted it, or counted a failure
  kNotTried,  // it did not get so far, or BILL said nothing about it
};

struct ProbeRequest {
  CredentialPtr candidate;      // has the uid and name of a stored credential
  CredentialInfoPtr info;       // of `candidate`
  std::string organization_id;  // attached to the candidate and to the stored credential
  absl::Duration patience = kPatience;
  std::string principal;  // that asks for it
  CausePtr cause;         // by this call
  // Somebody said the secret just now: it is tried in spite of what was refused before.
  bool said_now = true;
};

struct ProbeResult {
  ProbeVerdict verdict = ProbeVerdict::kNotTried;
  absl::Status status;  // OK where accepted
  SessionPtr session;   // where accepted: live, and not handed out yet
};

// Called exactly once.
using ProbeDone = absl::AnyInvocable<void(ProbeResult)>;

enum class SlotState { kNone, kSigningIn, kLive, kChecking, kQuarantined, kBackingOff, kQueued };

// What ListSessions shows of a slot.
struct SlotInfo {
  std::string organization_id;
  std::string credential;
  SlotState state = SlotState::kNone;
  std::uint64_t generation = 0;
  SessionPtr session;  // null where none is live
  int waiting_callers = 0;
  std::int64_t sign_ins = 0;
  absl::optional<absl::Time> retry_time;
  absl::optional<QuarantineEntry> quarantine;
};

struct SessionCounts {
  int live = 0;
  int signing_in = 0;
  int queued = 0;
  int quarantined = 0;
  std::int64_t sign_ins = 0;
  std::int64_t failed_sign_ins = 0;
};

// How far a credential's newest version has come.
struct Rollout {
  int live = 0;     // sessions
  int current = 0;  // those that it would sign in just so: of the same devKey
};

// What became of one attempt to make a session MFA-trusted without a sign-in.
enum class StepUpOutcome {
  kTrusted,
  kNotTaken,  // BILL does not take the rememberMeId
  kFailed,    // BILL did not say; nothing is changed
};

using StepUpDone = absl::AnyInvocable<void(std::vector<StepUpOutcome>)>;

// One sign-in at BILL.
//
// On the audit log its `id` is the request id, unless the call that it is made for has one: that
// one stands on the lines of its other deeds too. Several sign-ins may be made for one call, and an
// intent and its outcome then belong together by credential and organization: a slot has one
// sign-in under way. The id itself is in the daemon's log.
struct SignInFacts {
  std::string id;         // of its line in the ledger
  std::string principal;  // that asked for it first; empty where the broker did by itself
  CausePtr cause;         // the call by which it did
  std::string credential;
  std::uint64_t version = 0;    // of the credential
  std::string organization_id;  // empty: a partner's own sign-in
  std::string dev_key_id;       // of the devKey, or of a partner's appKey
};

// Told what a log, an audit or a metric wants to know. Called without a lock held, on any thread;
// must not block, but for SignInStarts().
class SessionObserver {
 public:
  virtual ~SessionObserver() = default;
  // Asked before each sign-in, on a thread that may wait. An error is what those hear who wait for
  // the sign-in, and it is not sent.
  [[nodiscard]] virtual absl::Status SignInStarts(const SignInFacts& sign_in) = 0;
  // Of each that was sent. `generation`: of the session that it made; 0 where it made none.
  virtual void SignInEnded(const SignInFacts& sign_in, const absl::Status& outcome,
                           std::uint64_t generation) = 0;
  // A session is ended at BILL by another call than Logout().
  virtual void LogOutStarts(const Session& session) = 0;
  virtual void LogOutEnded(const Session& session, const absl::Status& outcome) = 0;
  // A session is not handed out any more.
  virtual void SessionEnded(absl::string_view credential, absl::string_view organization_id,
                            std::uint64_t generation, absl::string_view why) = 0;
  // BILL does not take the credential's rememberMeId (any more): what it signs in is not
  // MFA-trusted. Told once for each rememberMeId.
  virtual void TrustRefused(absl::string_view credential, absl::string_view organization_id) = 0;
};

// Told of each organization of which what Peek() says may have changed. Called without a lock held,
// on any thread; must not block.
class SessionWatcher {
 public:
  virtual ~SessionWatcher() = default;
  virtual void SessionChanged(absl::string_view organization_id) = 0;
};

}  // namespace billbroker
