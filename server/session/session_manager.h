// SessionManager: gives all callers of an organization the same live BILL session, and signs in
// once for all of them. Design: docs/adr/0005-session-engine.md,
// docs/adr/0024-session-manager-parts.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "server/session/credential_probe.h"
#include "server/session/mfa_step_up.h"
#include "server/session/past_sign_in.h"
#include "server/session/rules/dev_key_budget.h"
#include "server/session/session_demand.h"
#include "server/session/session_state.h"
#include "server/session/session_views.h"
#include "vault/credential_index.h"

namespace billbroker {

struct LoginOutcome {
  SessionPtr session;
  bool reused = false;
};

// A call of GetSession() or Login() that waits for its session.
struct WaitingCall {
  SlotId slot;
  WaiterQueue::Id waiter = 0;
};

// Thread-safe. Callbacks run on any thread, sometimes before the call returns, without a lock held,
// exactly once each; they must not block. The manager must outlive every answer of `bill` and all
// work on `executor`.
//
// Errors of all calls: the errors of CredentialIndex::Find(), and
//   NO_LIVE_SESSION        `cached_only` and none is live
//   MFA_REQUIRED           `require_trusted`, and BILL does not report the session as MFA-trusted
//   CREDENTIAL_REJECTED, DEV_KEY_REJECTED, ORGANIZATION_REJECTED, LOCKED_OUT
//                          see Quarantine
//   LOGIN_BUDGET_SPENT     a limit of sign-ins is reached, and the slot's turn does not come before
//                          the caller's deadline. Retry at the given time: the slot keeps its place
//                          until a minute after it
//   CALLER_LIMIT           the principal made too many false reports of ended sessions
//   BILL_RATE_LIMITED, BILL_UNAVAILABLE, SESSION_UNSTABLE
//                          with a time to retry
//   VAULT_LOCKED, VAULT_UNREACHABLE, VAULT_DOCUMENT_INVALID
//                          the credential could not be read
class SessionManager final : public CredentialObserver {
 public:
  using SessionDone = absl::AnyInvocable<void(absl::StatusOr<SessionPtr>)>;
  using LoginDone = absl::AnyInvocable<void(absl::StatusOr<LoginOutcome>)>;
  // True if the call ended a session.
  using LogoutDone = absl::AnyInvocable<void(absl::StatusOr<bool>)>;
  using Parts = SessionParts;

  SessionManager(SessionManagerOptions options, Parts parts);
  ~SessionManager() override;

  // Sets the watcher, which may be null and is borrowed, before the first call.
  void SetWatcher(SessionWatcher* watcher);

  // Takes over the contents of the store, once, when the credential index is complete. No sign-in
  // is sent before: the ledger is not known, and callers that need one receive the state of the
  // vault. Ends the stored sessions of organizations and credentials that were removed since the
  // start.
  void Restore(StoreContents contents);
  // Serves although the store is not open yet: counts the sign-ins of the past hour that the audit
  // log has, so that sign-ins may go, with at most one failed one a user and hour. If that log
  // cannot be read either, no sign-in is sent. Ignored after Restore(), which may come later.
  void ServeWithoutStore(const absl::StatusOr<std::vector<PastSignIn>>& past);

  // Returns a live session that satisfies `demand` to `done`: from memory, after a check, or after
  // a sign-in that all callers share. MALFORMED_REQUEST: min_remaining is too long, or cached_only
  // is combined with a report. Returns a handle for Cancel() if the call waits.
  absl::optional<WaitingCall> GetSession(absl::string_view organization_id,
                                         absl::string_view credential, const SessionDemand& demand,
                                         SessionDone done);
  // Returns the answer of GetSession() if it needs no wait; else nullopt. `demand` needs no
  // principal, cause and patience.
  [[nodiscard]] absl::optional<absl::StatusOr<SessionPtr>> GetAtOnce(
      absl::string_view organization_id, absl::string_view credential, const SessionDemand& demand);

  // Signs in unless a session is live. With `force`, spends a sign-in in spite of back-off and
  // quarantine, and lifts the quarantine if BILL accepts it.
  absl::optional<WaitingCall> Login(absl::string_view organization_id, absl::string_view credential,
                                    const LoginDemand& demand, LoginDone done);

  // Removes a caller that left: its callback receives CANCELLED, and nothing is done for it any
  // longer. A sign-in under way is finished. Ignored if the call was answered.
  void Cancel(const WaitingCall& call);
  // Cancels all of these at once: the end of one does not start a sign-in for another.
  void Cancel(const std::vector<WaitingCall>& calls);

  // Stops returning the session, then ends it at BILL. If BILL does not answer, the callback
  // receives the error, and a repeated call tries again. `if_generation` 0: any session. A call
  // before Restore() returns false, and Restore() ends the stored session.
  void Logout(absl::string_view organization_id, absl::string_view credential,
              std::uint64_t if_generation, LogoutDone done);

  // Ends every session of the credential `uid` likewise. Calls `done` once BILL has answered for
  // each. The observer is notified of each, here and below.
  void LogoutAll(absl::string_view uid, absl::AnyInvocable<void()> done);
  // Ends the sessions of `organization_ids`, which stay signed out as after Logout().
  void LogoutOf(absl::string_view uid, const std::set<std::string>& organization_ids,
                absl::AnyInvocable<void()> done);

  // Signs in with a candidate, which need not be stored: inside the budget, ahead of callers, and
  // within the limit of failed sign-ins. A refusal is quarantined. Its session is not returned to
  // callers before AdoptProbed().
  void Probe(ProbeRequest request, ProbeDone done);
  // Makes a probe's session the next one of its organization (`uid`: of the credential), or ends
  // it.
  void AdoptProbed(absl::string_view uid, const SessionPtr& session);
  void DiscardProbed(const SessionPtr& session);

  // See MfaStepUp::Start().
  int StepUp(const CredentialInfoPtr& credential, SecretString remember_me_id, std::string device,
             StepUpDone done);

  // Returns the live session, or the error of GetSession(), or NO_LIVE_SESSION. Does not call BILL,
  // and does not count as demand.
  [[nodiscard]] absl::StatusOr<SessionPtr> Peek(absl::string_view organization_id,
                                                absl::string_view credential);

  // Keeps a session of the organization, behind callers that wait, until StopWarm() was called as
  // often with the same arguments. `principal` is charged. Organization and credential need not be
  // known yet.
  void StartWarm(absl::string_view organization_id, absl::string_view credential,
                 absl::string_view principal = "");
  void StopWarm(absl::string_view organization_id, absl::string_view credential,
                absl::string_view principal = "");

  // Starts no more sign-ins that no call waits for: maintenance, warm watches, pre-warming. Calls
  // `done` once no sign-in is under way or waited for, and the end of each is recorded.
  void Drain(absl::AnyInvocable<void()> done);

  // Returns at most `max` slots that were ever asked for, ordered by organization, then credential:
  // the ones after these two names.
  [[nodiscard]] std::vector<SlotInfo> List(
      absl::string_view after_organization = "", absl::string_view after_credential = "",
      std::size_t max = std::numeric_limits<std::size_t>::max()) const;
  // Returns the slots of the credential `uid` likewise, ordered by organization.
  [[nodiscard]] std::vector<SlotInfo> ListOf(absl::string_view uid,
                                             absl::string_view after_organization,
                                             std::size_t max) const;
  [[nodiscard]] SessionCounts Counts() const;
  // Returns the progress of the credential `uid`.
  [[nodiscard]] Rollout RolloutOf(absl::string_view uid) const;
  [[nodiscard]] std::vector<DevKeyUse> Budgets() const;

  void CredentialChanged(const CredentialInfoPtr& before, const CredentialInfoPtr& after) override;

 private:
  class Core;  // the parts that work together under the lock

  const std::unique_ptr<Core> core_;
};

}  // namespace billbroker
