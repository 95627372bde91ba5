// SessionManager: one state machine per pair of credential and organization, which gives all callers the
// same live session and signs in once for all of them. Design: docs/adr/0005-session-engine.md.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/bill/bill_api.h"
#include "server/session/login_governor.h"
#include "server/session/quarantine.h"
#include "server/session/rate_limiter.h"
#include "server/session/session.h"
#include "server/session/session_slot.h"
#include "server/session/session_store.h"
#include "server/session/session_types.h"
#include "server/session/sign_in_gate.h"
#include "server/session/stand_ins.h"
#include "vault/base/clock.h"
#include "vault/base/executor.h"
#include "vault/base/mutex.h"
#include "vault/base/random.h"
#include "vault/directory.h"
#include "vault/vault.h"

namespace billbroker {

// Thread-safe. Callbacks run on any thread, sometimes before the call returns, without a lock held,
// exactly once each; they must not block. The engine must outlive every answer of `bill` and all
// work on `executor`.
//
// Errors of all calls: those of Directory::Find(), and
//   NO_LIVE_SESSION        `cached_only` and none is live
//   MFA_REQUIRED           `require_trusted` and BILL does not hold the session for trusted
//   CREDENTIAL_REJECTED, DEV_KEY_REJECTED, ORGANIZATION_REJECTED, LOCKED_OUT
//                          see Quarantine
//   LOGIN_BUDGET_SPENT     the devKey's sign-ins of the past hour are spent and the slot's turn
//                          does not come within the caller's patience: it keeps its place, is signed in
//                          then, and that is the time to retry. Or the user's failed sign-ins
//                          reached their bound
//   CALLER_LIMIT           the principal reports too many dead sessions
//   BILL_RATE_LIMITED, BILL_UNAVAILABLE, SESSION_UNSTABLE
//                          with a time to retry
//   VAULT_LOCKED, VAULT_UNREACHABLE, VAULT_DOCUMENT_INVALID
//                          the credential could not be read
class SessionManager final : public DirectoryObserver {
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
    SessionStore& store;
    SessionObserver& observer;
    // Environment name -> base URL.
    std::map<std::string, std::string> base_urls;
  };

  SessionManager(SessionManagerOptions options, Parts parts);
  ~SessionManager() override;

  // `watcher` may be null and is borrowed; set before the first call.
  void SetWatcher(SessionWatcher* watcher) { watcher_ = watcher; }

  // Takes over what the store held, once, when the directory is complete. Until then no sign-in is
  // sent (the ledger is not known): callers that need one hear the state of the vault.
  void Restore(StoreContents contents);

  // A live session that satisfies `demand`: from memory, after a check, or after a sign-in that
  // all callers share. Errors of shape (min_remaining too long, cached_only with a report) are
  // MALFORMED_REQUEST.
  void GetSession(absl::string_view organization_id, absl::string_view credential,
                  const SessionDemand& demand, SessionDone done);
  // What GetSession() answers without waiting; nullopt where it has to wait. `demand` need not say
  // who asks and how long that one waits: that is for those who do.
  [[nodiscard]] absl::optional<absl::StatusOr<SessionPtr>> GetAtOnce(
      absl::string_view organization_id, absl::string_view credential, const SessionDemand& demand);

  // `force` spends a sign-in in spite of back-off and quarantine, which it lifts where BILL accepts
  // it.
  void Login(absl::string_view organization_id, absl::string_view credential,
             const LoginDemand& demand, LoginDone done);

  // Forgets the session at once, then ends it at BILL. Where BILL does not answer, the callback
  // hears it and a repeated call tries again. `if_generation` 0: whichever is live.
  void Logout(absl::string_view organization_id, absl::string_view credential,
              std::uint64_t if_generation, LogoutDone done);

  // Ends every session of the credential `uid`, likewise; `done` once BILL has answered for each.
  // The observer is told of each, here and below.
  void LogoutAll(absl::string_view uid, absl::AnyInvocable<void()> done);
  // Those of `organization_ids` alone, which stay logged out as after Logout().
  void LogoutOf(absl::string_view uid, const std::set<std::string>& organization_ids,
                absl::AnyInvocable<void()> done);

  // Signs in with `candidate`, which need not be stored: inside the budget, ahead of those who do
  // not wait, and never beyond a user's failed sign-ins. What BILL refuses is quarantined. Callers
  // notice nothing: the session of an accepted one is handed out after AdoptProbed() alone.
  void Probe(ProbeRequest request, ProbeDone done);
  // Makes a probe's session the next one of its organization (`uid`: of the credential), or ends
  // it.
  void AdoptProbed(absl::string_view uid, const SessionPtr& session);
  void DiscardProbed(const SessionPtr& session);

  // Asks BILL to make each live session of `credential` MFA-trusted by `remember_me_id` and
  // `device`, a few at a time; no sign-in is spent. What BILL says of a session goes to whoever
  // watches it. `done` gets what became of each, in no order; one that is trusted already counts.
  // Returns how many these are.
  int StepUp(const CredentialInfoPtr& credential, SecretString remember_me_id, std::string device,
             StepUpDone done);

  // The live session as it stands, or what GetSession would fail with, or NO_LIVE_SESSION; asks
  // nothing of BILL and is no demand.
  [[nodiscard]] absl::StatusOr<SessionPtr> Peek(absl::string_view organization_id,
                                                absl::string_view credential);

  // Keeps a session of the organization, behind callers that wait, until StopWarm() is called as
  // often. The organization and credential need not be known yet.
  void StartWarm(absl::string_view organization_id, absl::string_view credential);
  void StopWarm(absl::string_view organization_id, absl::string_view credential);

  // Every slot that was ever asked for, ordered by organization, then credential.
  [[nodiscard]] std::vector<SlotInfo> List();
  [[nodiscard]] SessionCounts Counts() const;
  // Of the live sessions of the credential `uid`.
  [[nodiscard]] Rollout RolloutOf(absl::string_view uid) const;
  // Of each devKey; `dev_key` is DevKeyKeyOf().
  [[nodiscard]] std::vector<LoginGovernor::Budget> Budgets();

  void CredentialChanged(const CredentialInfoPtr& before, const CredentialInfoPtr& after) override;

 private:
  // Work for after the lock is released: callbacks, calls to BILL, observers. Declare it before the
  // MutexLock.
  class Later;
  using Key = std::string;  // a SlotKey
  using Priority = LoginGovernor::Priority;

  // Deciding what a caller gets (engine.cc).
  SessionSlot& SlotOf(const CredentialInfoPtr& credential, absl::string_view organization_id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  SessionSlot* FindSlot(absl::string_view key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] bool IsLive(const SessionSlot& slot) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Live as far as one knows, but to be asked about at BILL before it is handed out.
  [[nodiscard]] bool IsInDoubt(const SessionSlot& slot) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Signed in by a version of the credential of which every session was to end.
  [[nodiscard]] static bool IsVoid(const SessionSlot& slot, const Session& session);
  [[nodiscard]] bool IsReportedDead(const SessionSlot& slot, const SessionDemand& demand) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Which credential serves whom GetSession() is asked for, or what it answers to all others.
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> FindFor(absl::string_view organization_id,
                                                          absl::string_view credential,
                                                          const SessionDemand& demand) const;
  absl::optional<absl::StatusOr<SessionPtr>> FromMemory(const SessionSlot& slot,
                                                        const SessionDemand& demand) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Wait(SessionSlot& slot, Waiter waiter, Later& later) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Answers all who wait: with the live session (those whom it does not satisfy start a sign-in),
  // or with an error. The slot may be gone afterwards.
  void AnswerWaiters(SessionSlot& slot, bool just_signed_in, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FailWaiters(SessionSlot& slot, const absl::Status& error, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Forget(SessionSlot& slot, absl::string_view why, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Changed(const SessionSlot& slot, Later& later) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // A caller asks for a session; one logged it out.
  void NoteDemand(SessionSlot& slot, bool may_sign_in) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void StayLoggedOut(SessionSlot& slot, Later& later) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Ends `session` at BILL; it is remembered as `ending` until BILL confirms.
  void SignOut(SessionSlot& slot, SessionPtr session, LogoutDone done, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The same where no Logout() asks for it, and where nobody waits to hear of it.
  void SignOutUnasked(SessionSlot& slot, const SessionPtr& session, LogoutDone done, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SignOutUnasked(SessionSlot& slot, const SessionPtr& session, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnSignedOut(const Key& key, const SessionPtr& session, const BillResult<SignedOut>& result,
                   LogoutDone done);
  [[nodiscard]] absl::Status NotSignedOut(const Session& session, const BillError& error) const;
  [[nodiscard]] SlotInfo Describe(const SessionSlot& slot) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Checking (engine_check.cc).
  void StartCheck(SessionSlot& slot, Later& later) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnChecked(const Key& key, const SessionPtr& session, absl::Duration sent,
                 const BillResult<SessionInfo>& result);
  void OnCheckFailed(SessionSlot& slot, const BillError& error, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Renew(SessionSlot& slot, absl::Duration sent, const SessionInfo& info)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnDead(SessionSlot& slot, Later& later) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] std::uint64_t NextGeneration(const SessionSlot& slot) const;
  [[nodiscard]] absl::Duration WindowOf(const SessionSlot& slot) const;
  // The deadline of a session that was signed in and last confirmed at these times.
  [[nodiscard]] absl::Duration DeadlineOf(const SessionSlot& slot, absl::Duration signed_in,
                                          absl::Duration confirmed) const;

  // A partner's own sign-in, which goes before those as users (engine_partner.cc).
  // Empty where the slot's credential is no partner.
  [[nodiscard]] static Key PartnerOf(const SessionSlot& slot);
  [[nodiscard]] Partner* FindPartner(const Key& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Of those who wait for the partner, where somebody asked.
  void NameWhoAskedFirst(const Key& partner, Attempt& attempt)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Null where none is live.
  [[nodiscard]] PartnerSessionPtr PartnerSessionOf(const Key& key)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whether the applicant may sign in now. Notes in `wanted` whose partner must sign in first.
  using Wanted = std::map<Key, Key>;  // partner -> one who wants it
  [[nodiscard]] bool MayGo(const LoginGovernor::Applicant& applicant, absl::Duration now,
                           Wanted& wanted) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Gives each a place in the queue; whether anything changed.
  [[nodiscard]] bool QueuePartners(const Wanted& wanted) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LaunchPartner(Partner& partner, LoginGovernor::Place place, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Drops from those who wait for the partner's session whom something stands against; whether one
  // of the others is forced, nullopt where none is left.
  absl::optional<bool> SiftPartnersQueue(const Partner& partner, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LoadAndSendPartner(const Key& key, CredentialPtr candidate, Attempt attempt);
  void OnPartnerNotSent(const Key& key, const Attempt& attempt, const absl::Status& error);
  void OnPartnerSignedIn(const Key& key, const Attempt& attempt,
                         BillResult<PartnerSignInAnswer> result);
  void AdoptPartner(Partner& partner, const Attempt& attempt, PartnerSignInAnswer answer,
                    Later& later) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnPartnerRefused(Partner& partner, const Attempt& attempt, const BillError& error,
                        Later& later) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Tells all who wait for its session: what stands against them, else `error`. The partner may be
  // gone afterwards.
  void FailPartner(const Partner& partner, ProbeVerdict verdict, const absl::Status& error,
                   Later& later) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ParkPartner(const Key& key, absl::Duration until, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // A user was signed in with the session.
  void NotePartnerWorked(const Attempt& attempt) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // BILL called the session dead: the slot gets another place, or hears why not. False where it is
  // the slot's own trouble.
  [[nodiscard]] bool RenewPartner(SessionSlot& slot, const Attempt& attempt, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The probe's partner's session is that of whoever has the same secrets.
  void KeepProbedPartner(const Probing& probe) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DropPartner(const Key& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DropIdlePartners(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Signing in (engine_sign_in.cc, and what BILL's answer makes of the slot in engine_adopt.cc), in
  // the order in which it happens.
  void StartSignIn(SessionSlot& slot, Priority priority, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Launches those whose turn has come.
  void Dispatch(Later& later) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Launch(SessionSlot& slot, LoginGovernor::Place place, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] static LoginGovernor::Applicant ApplicantOf(const SessionSlot& slot);
  [[nodiscard]] static bool IsForced(const SessionSlot& slot);
  static void RefuseCachedOnly(SessionSlot& slot, Later& later);
  // What of an attempt is there from its launch on.
  [[nodiscard]] Attempt AttemptOf(const SessionSlot& slot, LoginGovernor::Place place, bool forced)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] static SignInFacts FactsOf(const Attempt& attempt);
  void LoadAndSend(const Key& key, Attempt attempt);
  void Send(const CredentialPtr& credential, const Attempt& attempt,
            BillApi::Done<SignInAnswer> done);
  // What the directory knows of the credential after the vault said `stored`: `seen` itself, where
  // that is it as far as `organization_id` goes.
  absl::StatusOr<CredentialInfoPtr> TellDirectory(const CredentialInfoPtr& seen,
                                                  const absl::StatusOr<CredentialPtr>& stored,
                                                  absl::string_view organization_id);
  // The stored credential is another than the one that was decided on: decides again, with
  // `current`.
  void DecideAgain(SessionSlot& slot, const Attempt& attempt, CredentialInfoPtr current,
                   Later& later) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnNotSent(const Key& key, const Attempt& attempt, const absl::Status& error);
  void OnSignedIn(const Key& key, const Attempt& attempt, BillResult<SignInAnswer> result);
  // `error` is null where BILL accepted it.
  [[nodiscard]] static SignInGate::Ending EndingOf(const BillError* error, bool forced);
  [[nodiscard]] StoredAttempt RecordOf(const LoginGovernor::Applicant& applicant) const;
  void Adopt(SessionSlot& slot, const Attempt& attempt, SignInAnswer answer, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  SessionPtr MakeSession(const SessionSlot& slot, const Attempt& attempt, SignInAnswer answer,
                         Later& later) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LiftQuarantine(const Attempt& attempt) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The slot has `session` from now on, unless it has a newer one, and whoever waits gets what it
  // has.
  void Install(SessionSlot& slot, SessionPtr session, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnRefused(SessionSlot& slot, const Attempt& attempt, const BillError& bill_error,
                 Later& later) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DropHopeless(const LoginGovernor::Applicant& refused, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // It was not sent; it was, and ended.
  void CancelAttempt(const Attempt& attempt) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndAttempt(const Attempt& attempt, SignInGate::Ending ending)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Proving a credential (engine_probe.cc).
  void LaunchProbe(const Key& key, LoginGovernor::Place place, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RefuseImpatientProbe(const Key& key, Later& later) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndProbe(Probing& probe, ProbeResult result, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SendProbe(const Key& key, const CredentialPtr& candidate, Attempt attempt);
  // What an error says of the credential that was tried.
  [[nodiscard]] static ProbeVerdict VerdictOf(const BillError& error, bool quarantined);
  void OnProbeNotSent(const Key& key, const Attempt& attempt, const absl::Status& error);
  void OnProbed(const Key& key, const Attempt& attempt, BillResult<SignInAnswer> result);
  // Ends at BILL what is handed out no more, after `grace`.
  void Retire(const SessionPtr& session, absl::Duration grace);

  // MFA trust (engine_trust.cc).
  class SteppingUp;
  StepUpOutcome OnSteppedUp(const CredentialInfo& credential, const SessionPtr& session,
                            const BillResult<SteppedUp>& result);
  // What a sign-in or step-up said of the credential's rememberMeId.
  void NoteTrust(const CredentialInfo& credential, absl::string_view organization_id, bool trusted,
                 Later& later);

  // Why not, and until when (engine_refusal.cc).
  // Why no sign-in may be asked for now; OK where one may. `forced` passes back-off and quarantine.
  [[nodiscard]] absl::Status Obstacle(const SessionSlot& slot, bool forced,
                                      absl::Duration now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] absl::Status BackingOff(const SessionSlot& slot, absl::Duration now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // `user` is the applicant's.
  [[nodiscard]] absl::Status TooManyFailures(const SessionSlot& slot, absl::string_view user,
                                             absl::Duration now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // When the turn of a queued slot is expected, its partner's included; and whether BILL's hourly
  // limit is why not sooner.
  [[nodiscard]] absl::Duration TurnOf(const SessionSlot& slot, absl::Duration now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] absl::Duration ParkedUntil(const SessionSlot& slot) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Tells those who will not wait for the slot's turn; it keeps its place.
  void RefuseImpatient(SessionSlot& slot, Later& later) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Records what BILL refused, and returns what to tell.
  absl::Status Judge(SessionSlot& slot, const Attempt& attempt, const BillError& error)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Park(const SessionSlot& slot, const std::string& dev_key, const BillError& error,
                    Later& later) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status BackOff(SessionSlot& slot, Reason reason, const BillError& error,
                       absl::Duration at_least) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // What nobody waits for (engine_upkeep.cc).
  void Upkeep();
  void Tend(SessionSlot& slot, absl::Duration now, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TendAt(SessionSlot& slot, absl::Duration when) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The session is of another devKey than the credential has now, or of another user of a
  // partner's. It is good until its end.
  [[nodiscard]] bool IsOutdated(const SessionSlot& slot) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Starts a sign-in for its successor where one may go at once. The slot may be gone afterwards.
  [[nodiscard]] bool TryReplace(SessionSlot& slot, absl::Duration now, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Draws when the session that BILL just confirmed is to be kept alive.
  void PlanKeepAlive(SessionSlot& slot) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] bool IsWarm(const SessionSlot& slot) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] bool IsWatchedWarm(const std::string& organization_id,
                                   const std::string& credential) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Save(SessionSlot& slot) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Erase(SessionSlot& slot) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ScheduleWake() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Wake();
  // Signs in to those of the credential's organizations that are to be warm without being asked
  // for.
  void WarmUp(const CredentialInfoPtr& credential, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FollowCredential(SessionSlot& slot, const CredentialInfo& before,
                        const CredentialInfoPtr& after, Later& later)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Taking over from the process before (engine_restore.cc).
  void RestoreAttempts(std::vector<StoredAttempt> attempts, bool same_boot)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RestoreQuarantines(std::vector<StoredQuarantine> quarantines, bool same_boot)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RestoreSlot(const StoredSlot& stored, const CredentialInfoPtr& credential, bool same_boot)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const SessionManagerOptions options_;
  const Parts parts_;
  SessionWatcher* watcher_ = nullptr;
  mutable Mutex mutex_;
  // By SessionSlot::key, which is the slot's own.
  absl::flat_hash_map<absl::string_view, std::unique_ptr<SessionSlot>> slots_
      ABSL_GUARDED_BY(mutex_);
  // By the key of the stand-in, which is the governor's name of it.
  std::map<Key, std::unique_ptr<Probing>> probes_ ABSL_GUARDED_BY(mutex_);
  // By the key of the stand-in, likewise.
  std::map<Key, std::unique_ptr<Partner>> partners_ ABSL_GUARDED_BY(mutex_);
  absl::Duration partners_wake_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteDuration();
  std::uint64_t probes_made_ ABSL_GUARDED_BY(mutex_) = 0;
  Quarantine quarantine_ ABSL_GUARDED_BY(mutex_);
  SignInGate gate_ ABSL_GUARDED_BY(mutex_);
  LoginGovernor governor_ ABSL_GUARDED_BY(mutex_);
  RateLimiter keep_alive_calls_ ABSL_GUARDED_BY(mutex_);  // by devKey
  RateLimiter stale_reports_ ABSL_GUARDED_BY(mutex_);     // by principal
  bool restored_ ABSL_GUARDED_BY(mutex_) = false;
  // Lines of the ledger that the store holds: when each ended, and its id.
  std::deque<std::pair<absl::Duration, std::string>> recorded_ ABSL_GUARDED_BY(mutex_);
  std::set<std::pair<absl::Duration, SessionSlot*>> agenda_
      ABSL_GUARDED_BY(mutex_);  // by SessionSlot::tend_at
  // Organization and credential, which may be empty, as StartWarm() named them.
  std::map<std::pair<std::string, std::string>, int> warm_ ABSL_GUARDED_BY(mutex_);
  absl::Duration wake_scheduled_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteDuration();
  std::int64_t sign_ins_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t failed_sign_ins_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace billbroker
