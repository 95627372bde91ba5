// MaintenanceRunner: takes the steps that no caller waits for, and follows changed credentials.
// Internal to server/session.
#pragma once

#include "server/session/session_checks.h"
#include "server/session/session_maintenance.h"
#include "server/session/session_state.h"
#include "server/session/sign_in_dispatcher.h"
#include "server/session/slot_operations.h"

namespace billbroker {

class MaintenanceRunner final {
 public:
  MaintenanceRunner(SharedSessions& shared, SlotOperations& slots, SessionChecks& checks,
                    SignInDispatcher& dispatcher)
      : shared_(shared), slots_(slots), checks_(checks), dispatcher_(dispatcher) {}

  // Looks at every slot whose maintenance is due, now and every few seconds from then on. Called
  // without the lock.
  void Run();

  // Signs in to the credential's organizations that are to be warm. With the lock held.
  void WarmUp(LockedSessions& state, const CredentialInfoPtr& credential);

  // Adapts the slots to a change of the directory. Either may be null. With the lock held.
  void FollowCredential(LockedSessions& state, const CredentialInfoPtr& before,
                        const CredentialInfoPtr& after);

 private:
  void Maintain(LockedSessions& state, SessionSlot& slot);
  void StartKeepAlive(LockedSessions& state, SessionSlot& slot, absl::Duration otherwise);
  [[nodiscard]] SlotView View(LockedSessions& state, const SessionSlot& slot) const;
  [[nodiscard]] bool IsWarm(LockedSessions& state, const SessionSlot& slot) const;
  void FollowCredential(LockedSessions& state, SessionSlot& slot, const CredentialInfo& before,
                        const CredentialInfoPtr& after);
  void NotifyWatcher(LockedSessions& state, const CredentialInfoPtr& before,
                     const CredentialInfoPtr& after);

  SharedSessions& shared_;
  SlotOperations& slots_;
  SessionChecks& checks_;
  SignInDispatcher& dispatcher_;
};

}  // namespace billbroker
