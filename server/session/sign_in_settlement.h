// SignInSettlement: the bookkeeping that all kinds of sign-ins share. Internal to server/session.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/bill/bill_api.h"
#include "server/session/session_state.h"
#include "server/session/sign_in_attempt.h"
#include "server/session/slot_operations.h"

namespace billbroker {

// Every function runs with the lock held.
class SignInSettlement final {
 public:
  SignInSettlement(SharedSessions& shared, SlotOperations& slots)
      : shared_(shared), slots_(slots) {}

  // Fills in the line of the ledger, just before the sign-in is recorded and sent.
  void Plan(LockedSessions& state, SignInAttempt& attempt);

  // Takes back a sign-in that was not sent.
  void Release(LockedSessions& state, const SignInAttempt& attempt);

  // How BILL answered, as far as the callers are concerned.
  struct Result {
    absl::Status error;  // for the callers; OK if BILL accepted the sign-in
    SignInOutcome outcome;
  };
  // Records the result in the ledger, the rules, the quarantine and the back-off. `error` is null
  // if BILL accepted the sign-in. Does not notify the observer.
  Result Settle(LockedSessions& state, const SignInAttempt& attempt, const BillError* error,
                bool by_gateway);

  // Returns the session of an accepted sign-in, and notifies the observer.
  [[nodiscard]] SessionPtr MakeSession(LockedSessions& state, const SignInAttempt& attempt,
                                       SignInAnswer answer);

  // Notifies the observer of a sign-in that made no session.
  void NotifyFailed(LockedSessions& state, const SignInAttempt& attempt, const absl::Status& error);

  // Records whether BILL accepts the credential's rememberMeId for the organization.
  void NoteTrust(LockedSessions& state, const CredentialInfo& credential,
                 absl::string_view organization_id, bool trusted);

  // Fails the queued slots of the same user or devKey that a rule refuses since this sign-in.
  void FailNewlyRefused(LockedSessions& state, const SignInCandidate& candidate);

 private:
  absl::Status Refuse(LockedSessions& state, const SignInAttempt& attempt, const BillError& error,
                      const SignInOutcome& outcome, const SignInHistory& history);
  void Accept(LockedSessions& state, const SignInAttempt& attempt);

  SharedSessions& shared_;
  SlotOperations& slots_;
};

}  // namespace billbroker
