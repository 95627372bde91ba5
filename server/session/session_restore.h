// RestoreSessions: takes over the contents of the store from the process before. Internal to
// server/session.
#pragma once

#include <vector>

#include "server/session/past_sign_in.h"
#include "server/session/session_state.h"
#include "server/session/session_store.h"
#include "server/session/sign_in_dispatcher.h"
#include "server/session/slot_operations.h"

namespace billbroker {

// Restores sign-ins, secrets, suspensions, quarantines, sessions and places in the queue. Each
// session is checked with BILL before it is returned to a caller. Slots of credentials that were
// not read are kept in SessionState::unclaimed. With the lock held.
void RestoreSessions(SharedSessions& shared, LockedSessions& state, SlotOperations& slots,
                     SignInDispatcher& dispatcher, StoreContents contents);

// Counts the sign-ins of the audit log, while the store is not open. With the lock held.
void CountPastSignIns(SharedSessions& shared, LockedSessions& state,
                      const std::vector<PastSignIn>& past);

}  // namespace billbroker
