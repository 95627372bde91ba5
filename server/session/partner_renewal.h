// The steps of a login-as-user that concern the session of the partner. Internal to server/session.
#pragma once

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/session/credential_probe.h"
#include "server/session/session_state.h"
#include "server/session/sign_in_attempt.h"
#include "server/session/slot_operations.h"

namespace billbroker {

enum class PartnerRenewal {
  kRenews,      // the partner signs in again first: the slot goes back into its place
  kFailed,      // the slot and the other slots of the partner were failed
  kOwnFailure,  // the failure is not caused by the partner session
};

// All functions run with the lock held.

// Extends the deadline of the partner's session, with which BILL accepted a user.
void NotePartnerWorked(SharedSessions& shared, LockedSessions& state, const SignInAttempt& attempt);

// Handles an answer to the slot's sign-in that reports the partner's session as invalid.
[[nodiscard]] PartnerRenewal RenewPartner(SharedSessions& shared, LockedSessions& state,
                                          SlotOperations& slots, SessionSlot& slot,
                                          const SignInAttempt& attempt);

// Fails every slot and probe that waits for the partner's session: each with the error of the rule
// that refuses it, or with `error`.
void FailBehindPartner(SharedSessions& shared, LockedSessions& state, SlotOperations& slots,
                       const PartnerId& partner, ProbeVerdict verdict, const absl::Status& error);

// Suspends the appKey as long as the devKey is suspended: BILL's answer does not name the budget
// that is exhausted.
void SuspendPartner(LockedSessions& state, const SignInCandidate& candidate);

// Ends a probe with its result, and forgets it with its partner session.
void EndProbe(SharedSessions& shared, LockedSessions& state, CredentialProbe& probe,
              ProbeResult result);

}  // namespace billbroker
