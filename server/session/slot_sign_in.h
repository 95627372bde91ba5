// SlotSignIn: the sign-in of a slot. Internal to server/session.
#pragma once

#include "server/session/session_state.h"
#include "server/session/sign_in_attempt.h"
#include "server/session/sign_in_job.h"
#include "server/session/sign_in_settlement.h"
#include "server/session/slot_operations.h"

namespace billbroker {

class SlotSignIn final : public SignInTarget {
 public:
  // `attempt`: the slot is in Activity::kSigningIn, and the scheduler let the candidate go.
  SlotSignIn(SharedSessions& shared, SlotOperations& slots, SignInSettlement& settlement,
             SignInAttempt attempt)
      : shared_(shared), slots_(slots), settlement_(settlement), attempt_(std::move(attempt)) {}

  [[nodiscard]] absl::StatusOr<CredentialPtr> Load() override;
  [[nodiscard]] absl::optional<SignInPlan> Plan(const CredentialPtr& credential) override;
  void Send(const CredentialPtr& credential, Done done) override;
  void Abandon(const absl::Status& error) override;
  void Settle(BillResult<SignInAnswer> result, bool by_gateway) override;

 private:
  // Decides again, because the stored credential is newer than the one that was decided on.
  void DecideAgain(LockedSessions& state, SessionSlot& slot);
  void Adopt(LockedSessions& state, SessionSlot& slot, SignInAnswer answer);
  void Refuse(LockedSessions& state, SessionSlot& slot, const BillError& error,
              const SignInSettlement::Result& result);
  // Puts the slot back into its place of the queue.
  void Requeue(LockedSessions& state, SessionSlot& slot);
  // Returns the slot, which stays while a sign-in is under way.
  SessionSlot& FindSlot(LockedSessions& state) const;

  SharedSessions& shared_;
  SlotOperations& slots_;
  SignInSettlement& settlement_;
  SignInAttempt attempt_;
  CredentialInfoPtr current_;  // the stored credential, as Load() read it
};

// Sends a sign-in, or a partner's login-as-user.
void SendSignIn(BillApi& bill, const CredentialPtr& credential, const SignInAttempt& attempt,
                SignInTarget::Done done);

// Updates the credential index after the vault returned `stored` for the credential `seen`. Returns
// `seen` itself if the stored credential is the same, as far as `organization_id` is concerned, and
// FailedRead() if `stored` is an error. Called without a lock.
[[nodiscard]] absl::StatusOr<CredentialInfoPtr> UpdateDirectory(
    const SessionParts& parts, const CredentialInfoPtr& seen,
    const absl::StatusOr<CredentialPtr>& stored, absl::string_view organization_id);

}  // namespace billbroker
