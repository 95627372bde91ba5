// The parts of SessionManager that work together under its lock. Internal to server/session.
#pragma once

#include "server/session/health_looks.h"
#include "server/session/maintenance_runner.h"
#include "server/session/mfa_step_up.h"
#include "server/session/session_checks.h"
#include "server/session/session_manager.h"
#include "server/session/session_state.h"
#include "server/session/sign_in_dispatcher.h"
#include "server/session/sign_in_settlement.h"
#include "server/session/slot_operations.h"

namespace billbroker {

class SessionManager::Core final {
 public:
  Core(SessionManagerOptions options, SessionParts parts)
      : shared(std::move(options), std::move(parts)) {}

  // Returns the credential to use for this organization, or the error that GetSession() returns if
  // there is none.
  [[nodiscard]] absl::StatusOr<CredentialInfoPtr> FindFor(absl::string_view organization_id,
                                                          absl::string_view credential,
                                                          const SessionDemand& demand) const;
  // Returns the slot, which is restored if its credential was read late; null if there is none.
  // With the lock held.
  SessionSlot* Find(LockedSessions& state, const CredentialInfoPtr& credential,
                    absl::string_view organization_id);
  // Does the same, and makes the slot if there is none.
  SessionSlot& FindOrCreate(LockedSessions& state, const CredentialInfoPtr& credential,
                            absl::string_view organization_id);
  // Returns the answer to a caller that can be given from memory; nullopt if it has to wait.
  [[nodiscard]] absl::optional<absl::StatusOr<SessionPtr>> FindInMemory(LockedSessions& state,
                                                                        SessionSlot& slot,
                                                                        const SessionDemand& demand,
                                                                        absl::Duration now);
  // Returns true if too many sessions of the slot's devKey ended since this one was checked.
  [[nodiscard]] bool IsSuspected(LockedSessions& state, const SessionSlot& slot,
                                 absl::Duration now) const;
  // Lets a caller wait for a check or a sign-in. Returns 0 if it was answered.
  WaiterQueue::Id Wait(LockedSessions& state, SessionSlot& slot, Waiter waiter);
  // Removes a waiter whose caller left. Ignored if it was answered.
  void Cancel(LockedSessions& state, const WaitingCall& call);
  [[nodiscard]] SlotInfo Describe(LockedSessions& state, const SessionSlot& slot);

  SharedSessions shared;
  SlotOperations slots{shared};
  HealthLooks looks{shared};
  SessionChecks checks{shared, slots, looks};
  SignInSettlement settlement{shared, slots};
  SignInDispatcher dispatcher{shared, slots, settlement, looks};
  MaintenanceRunner maintenance{shared, slots, checks, dispatcher};
  MfaStepUp step_up{shared, slots, checks, settlement};
};

}  // namespace billbroker
