// SessionChecks: verifies sessions with BILL and keeps them alive, by one shared GET
// /v3/login/session. Internal to server/session.
#pragma once

#include "absl/time/time.h"
#include "server/session/session_state.h"
#include "server/session/sign_in_job.h"
#include "server/session/slot_operations.h"

namespace billbroker {

class SessionChecks final {
 public:
  SessionChecks(SharedSessions& shared, SlotOperations& slots, GatewayLook& gateway)
      : shared_(shared), slots_(slots), gateway_(gateway) {}

  // Starts a check of the slot's session; its end answers the callers that wait. With the lock
  // held. Requires: the slot is idle and has a session.
  void Start(LockedSessions& state, SessionSlot& slot);

  // Starts a check that no caller waits for: it is sent even while callers' checks are suspended.
  void StartKeepAlive(LockedSessions& state, SessionSlot& slot);

  // Forgets the slot's session, which BILL ended. The callers that wait get a new one, unless
  // sessions of the slot end right after each sign-in. With the lock held.
  void OnEnded(LockedSessions& state, SessionSlot& slot);

 private:
  void Send(LockedSessions& state, SessionSlot& slot);
  // Called without the lock.
  void OnChecked(const SlotId& id, const SessionPtr& session, absl::Duration sent,
                 const BillResult<SessionInfo>& result);
  // Continues after it is known whether a gateway gave the answer. Called without the lock.
  void Conclude(const SlotId& id, const SessionPtr& session, absl::Duration sent,
                const BillResult<SessionInfo>& result, bool ended);
  // Takes over the result of a check, and answers the callers.
  void End(LockedSessions& state, SessionSlot& slot, const SessionPtr& session, absl::Duration sent,
           const BillResult<SessionInfo>& result, bool ended);
  // Gives back the charge for a report that BILL did not refute.
  void ForgiveReport(LockedSessions& state, SessionSlot& slot);
  // The check has no answer after a while: serves a restored session without it. Called without the
  // lock.
  void OnSlow(const SlotId& id, const SessionPtr& session);
  // Answers the callers that need no answer of BILL.
  void ServeUnaffected(LockedSessions& state, SessionSlot& slot);
  void OnConfirmed(LockedSessions& state, SessionSlot& slot, const SessionPtr& session,
                   absl::Duration sent, SessionInfo info);
  void OnFailed(LockedSessions& state, SessionSlot& slot, const BillError& error);
  // Backs off and answers the callers with the error.
  void Fail(LockedSessions& state, SessionSlot& slot, const BillError& error);

  SharedSessions& shared_;
  SlotOperations& slots_;
  GatewayLook& gateway_;
};

}  // namespace billbroker
