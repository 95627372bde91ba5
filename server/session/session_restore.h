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
// session is checked with BILL before it is returned to a caller. Keeps the stored slots of
// credentials that were not read in SessionState::unclaimed: one read does not prove that a
// credential was deleted. With the lock held.
void RestoreSessions(SharedSessions& shared, LockedSessions& state, SlotOperations& slots,
                     SignInDispatcher& dispatcher, StoreContents contents);

// Restores the unclaimed slots of a credential that was read after the store. Called without the
// lock, which it holds for a bounded number of slots at a time.
void RestoreUnclaimed(SharedSessions& shared, SlotOperations& slots, SignInDispatcher& dispatcher,
                      const CredentialInfoPtr& credential);

// Forgets the unclaimed slots if their credentials did not appear for long, although every document
// could be read. With the lock held.
void ForgetUnclaimed(SharedSessions& shared, LockedSessions& state);

// Counts the sign-ins of the audit log, while the store is not open. With the lock held.
void CountPastSignIns(SharedSessions& shared, LockedSessions& state,
                      const std::vector<PastSignIn>& past);

}  // namespace billbroker
