// RestoreSessions: takes over the contents of the store from the process before. Internal to
// server/session.
#pragma once

#include "server/session/session_state.h"
#include "server/session/session_store.h"
#include "server/session/sign_in_dispatcher.h"
#include "server/session/slot_operations.h"

namespace billbroker {

// Restores sign-ins, secrets, suspensions, quarantines, sessions and places in the queue. Each
// session is checked with BILL before it is returned to a caller. With the lock held.
void RestoreSessions(SharedSessions& shared, LockedSessions& state, SlotOperations& slots,
                     SignInDispatcher& dispatcher, StoreContents contents);

}  // namespace billbroker
