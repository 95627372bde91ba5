// SlotOperations: the steps that change one slot and answer its callers. Internal to
// server/session.
#pragma once

#include <list>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/session/session_state.h"

namespace billbroker {

// Every function runs with the lock held, unless its comment states otherwise. A slot that has to
// go is erased at the unlock, so references to slots stay valid.
class SlotOperations final {
 public:
  // True if the call ended a session.
  using SignOutDone = absl::AnyInvocable<void(absl::StatusOr<bool>)>;

  explicit SlotOperations(SharedSessions& shared) : shared_(shared) {}

  // Notifies the watchers of the organization.
  void NotifyWatcher(LockedSessions& state, const SessionSlot& slot);
  // Writes the slot to the store.
  void Save(LockedSessions& state, SessionSlot& slot);

  // Notes that a caller asks for a session.
  void NoteDemand(SessionSlot& slot, absl::Duration now, bool may_sign_in);
  // Answers the callers that wait: with the live session, or, if it does not satisfy them, by a
  // sign-in. `new_session`: it was signed in after they asked. Requires a live session.
  void AnswerWaiters(LockedSessions& state, SessionSlot& slot, bool new_session);
  // Answers the callers that the live session satisfies as far as is known: callers that do not
  // report it, and do not wait for a sign-in. The others keep waiting.
  void AnswerUnaffected(LockedSessions& state, SessionSlot& slot);
  // Ends the slot's queueing or activity and answers all callers with `error`.
  void FailWaiters(LockedSessions& state, SessionSlot& slot, const absl::Status& error);
  // Fails the callers of a slot that waits for its turn. Drops a claim. The callers of a slot whose
  // check or sign-in is under way are answered by its end.
  void FailQueued(LockedSessions& state, SessionSlot& slot, const absl::Status& error);

  // Holds `session` from now on, unless the slot has a newer one, and answers the callers.
  void Install(LockedSessions& state, SessionSlot& slot, SessionPtr session);
  // Stops returning the session to callers. `why` is for the log.
  void Forget(LockedSessions& state, SessionSlot& slot, absl::string_view why);
  // Draws the time at which the session, which BILL just confirmed, is checked next.
  void PlanKeepAlive(LockedSessions& state, SessionSlot& slot);

  // Forgets the session and ends it at BILL. It is remembered until BILL confirms.
  void SignOut(LockedSessions& state, SessionSlot& slot, SessionPtr session, SignOutDone done);
  // Signs out likewise if no caller's Logout() asks for it: the observer records it.
  void SignOutUnasked(
      LockedSessions& state, SessionSlot& slot, const SessionPtr& session,
      SignOutDone done = [](const absl::StatusOr<bool>&) {});
  // Keeps the slot signed out until a caller asks for a session again.
  void StaySignedOut(LockedSessions& state, SessionSlot& slot);
  // Ends a session at BILL that no slot holds, after `grace`. Also without the lock.
  void Retire(const SessionPtr& session, absl::Duration grace);

 private:
  // Answers `satisfied` with the slot's session.
  void Answer(LockedSessions& state, const SessionSlot& slot, std::list<Waiter> satisfied);
  // Called without the lock.
  void OnSignedOut(const SlotId& id, const SessionPtr& session, const BillResult<SignedOut>& result,
                   SignOutDone done);
  [[nodiscard]] absl::Status NotSignedOut(const Session& session, const BillError& error) const;

  SharedSessions& shared_;
};

}  // namespace billbroker
