// Restores slots from the store. Internal to server/session.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/session/session_state.h"
#include "server/session/session_store.h"
#include "server/session/sign_in_dispatcher.h"
#include "server/session/slot_operations.h"

namespace billbroker {

// Returns `moment` on this boot's clock, never in the future. After another boot a wall clock that
// was set back makes it unknown: then it counts as just now.
[[nodiscard]] absl::Duration ToSinceBoot(const Moment& moment, bool same_boot, const Clock& clock);

// Used with the lock held, for one hold of it.
class SlotRestorer final {
 public:
  // `same_boot`: StoreContents::same_boot.
  SlotRestorer(SharedSessions& shared, LockedSessions& state, SlotOperations& slots,
               SignInDispatcher& dispatcher, bool same_boot)
      : shared_(shared),
        clock_(shared.parts.clock),
        state_(state),
        slots_(slots),
        dispatcher_(dispatcher),
        same_boot_(same_boot) {}

  // Restores the slot, unless the organization was detached from its credential. The session is
  // checked with BILL before it is returned to a caller.
  void Restore(const StoredSlot& stored, const CredentialInfoPtr& credential);

  // Ends the session, and forgets the row: its organization was detached, or its credential
  // deleted.
  void ForgetRemoved(const StoredSlot& stored, const CredentialInfo& credential);

  // Ends the session of a row at BILL, if it has one that is live.
  void EndSession(const StoredSlot& stored, const CredentialInfo& credential);

 private:
  void RestorePlace(SessionSlot& slot, std::uint64_t place);
  [[nodiscard]] SessionPtr ToSession(const Session& stored, const CredentialInfo& credential) const;

  SharedSessions& shared_;
  const Clock& clock_;
  LockedSessions& state_;
  SlotOperations& slots_;
  SignInDispatcher& dispatcher_;
  const bool same_boot_;
};

// The rows of credentials that were not read before the store, see SessionState::unclaimed. One
// read that misses a credential does not prove that it was deleted.

// Restores the unclaimed row of the slot, if there is one. With the lock held.
void RestoreUnclaimed(SharedSessions& shared, LockedSessions& state, SlotOperations& slots,
                      SignInDispatcher& dispatcher, const CredentialInfoPtr& credential,
                      absl::string_view organization_id);

// Restores all unclaimed rows of the credential. Called without the lock, which it holds for a
// bounded number of slots at a time.
void RestoreUnclaimed(SharedSessions& shared, SlotOperations& slots, SignInDispatcher& dispatcher,
                      const CredentialInfoPtr& credential);

// Requests a read of the vault now and then while rows are unclaimed. If a read after a minute did
// not find their credentials either, ends the sessions at BILL; after an hour it forgets the rows.
// Neither happens while a document cannot be read. With the lock held.
void VisitUnclaimed(SharedSessions& shared, LockedSessions& state, SlotOperations& slots,
                    SignInDispatcher& dispatcher);

// Gives the unclaimed organizations to CredentialIndex::SetMissing(), unless their credentials were
// deleted. With the lock held.
void PublishMissing(SharedSessions& shared, LockedSessions& state);

}  // namespace billbroker
