// SignInDispatcher: queues sign-ins and starts the ones whose turn has come. Internal to
// server/session.
#pragma once

#include "absl/status/status.h"
#include "server/session/health_looks.h"
#include "server/session/session_state.h"
#include "server/session/sign_in_attempt.h"
#include "server/session/sign_in_job.h"
#include "server/session/sign_in_settlement.h"
#include "server/session/slot_operations.h"

namespace billbroker {

// Every function runs with the lock held.
class SignInDispatcher final {
 public:
  SignInDispatcher(SharedSessions& shared, SlotOperations& slots, SignInSettlement& settlement,
                   HealthLooks& looks)
      : shared_(shared), slots_(slots), settlement_(settlement), looks_(looks) {}

  // Completes the work that operations left in SessionState: requests, turns that may have come,
  // callers that do not wait any longer, slots to erase. Runs before each unlock.
  void Run(LockedSessions& state);

  // Returns the error of the first rule that refuses a sign-in of the slot now; OK if none does.
  [[nodiscard]] absl::Status CheckAllowed(LockedSessions& state, const SessionSlot& slot);
  // Starts a sign-in that replaces the slot's live session, if every rule lets it go at once.
  // Returns false if not: it does not queue, since a queued slot is not kept alive.
  [[nodiscard]] bool TryReplace(LockedSessions& state, SessionSlot& slot);
  // Queues a probe, which is in SessionState::probes. May end it.
  void StartProbe(LockedSessions& state, CredentialProbe& probe);

  // Returns the candidate of a slot.
  [[nodiscard]] SignInCandidate MakeCandidate(LockedSessions& state, const SessionSlot& slot,
                                              SignInPurpose purpose);

 private:
  void Request(LockedSessions& state, SessionSlot& slot, SignInPurpose purpose);
  void Dispatch(LockedSessions& state);
  // Allows one failed sign-in a user and hour while failures cannot be stored: the bound has to
  // hold over restarts.
  void SetFailureBound(LockedSessions& state);
  void DropExpiredClaims(LockedSessions& state);
  // Removes the queued sign-ins that no call waits for.
  void WithdrawUnasked(LockedSessions& state);
  // Notifies the callers of SessionManager::Drain() if no sign-in is under way or waited for.
  void NotifyDrained(LockedSessions& state);
  // Queues the partners that have to sign in first. Returns true if any was added.
  bool QueuePartners(LockedSessions& state);
  void LaunchSlot(LockedSessions& state, const SlotId& id, SignInScheduler::Due due);
  void LaunchPartner(LockedSessions& state, const PartnerId& id, SignInScheduler::Due due);
  void LaunchProbe(LockedSessions& state, const ProbeId& id, SignInScheduler::Due due);
  // Attributes the attempt to the first caller that waits for the partner.
  void AttributeToFirstCaller(LockedSessions& state, const PartnerId& id, SignInAttempt& attempt);
  // Fails the callers whose deadline is earlier than the expected start.
  void RefuseImpatient(LockedSessions& state, const CandidateId& id);
  void ScheduleWake(LockedSessions& state);
  [[nodiscard]] SignInCandidate MakeCandidate(const CredentialProbe& probe) const;
  [[nodiscard]] SignInJob::Parts MakeJobParts();

  SharedSessions& shared_;
  SlotOperations& slots_;
  SignInSettlement& settlement_;
  HealthLooks& looks_;
};

}  // namespace billbroker
