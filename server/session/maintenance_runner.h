// MaintenanceRunner: takes the steps that no caller waits for, and follows changed credentials.
// Internal to server/session.
#pragma once

#include <string>

#include "server/session/session_checks.h"
#include "server/session/session_maintenance.h"
#include "server/session/session_state.h"
#include "server/session/sign_in_dispatcher.h"
#include "server/session/slot_operations.h"

namespace billbroker {

// Public functions are called without the lock, and hold it for a bounded number of slots at a
// time; the others are called with the lock held.
class MaintenanceRunner final {
 public:
  MaintenanceRunner(SharedSessions& shared, SlotOperations& slots, SessionChecks& checks,
                    SignInDispatcher& dispatcher)
      : shared_(shared), slots_(slots), checks_(checks), dispatcher_(dispatcher) {}

  // Looks at every slot whose maintenance is due, now and every few seconds from then on.
  void Run();

  // Signs in to the credential's organizations that are to be warm.
  void WarmUp(const CredentialInfoPtr& credential);

  // Adapts the slots to a change of the credential index. Either may be null.
  void FollowCredential(const CredentialInfoPtr& before, const CredentialInfoPtr& after);

 private:
  // Visits at most kSlotsPerHold slots that are due. Returns false if more are due.
  bool RunSome(LockedSessions& state);
  void WarmUp(LockedSessions& state, const CredentialInfoPtr& credential,
              const std::string& organization_id);
  // Notes the organizations that `after` lacks. Requires: the store was not read yet.
  static void NoteRemoved(LockedSessions& state, const CredentialInfoPtr& before,
                          const CredentialInfo* after);
  void FollowPartner(LockedSessions& state, const CredentialInfo& before,
                     const CredentialInfo* after);
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
