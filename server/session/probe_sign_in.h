// ProbeSignIn: the sign-in that proves a credential. Internal to server/session.
#pragma once

#include <utility>

#include "server/session/credential_probe.h"
#include "server/session/session_state.h"
#include "server/session/sign_in_attempt.h"
#include "server/session/sign_in_job.h"
#include "server/session/sign_in_settlement.h"
#include "server/session/slot_operations.h"

namespace billbroker {

class ProbeSignIn final : public SignInTarget {
 public:
  ProbeSignIn(SharedSessions& shared, SlotOperations& slots, SignInSettlement& settlement,
              ProbeId id, CredentialPtr candidate, SignInAttempt attempt)
      : shared_(shared),
        slots_(slots),
        settlement_(settlement),
        id_(id),
        candidate_(std::move(candidate)),
        attempt_(std::move(attempt)) {}

  [[nodiscard]] absl::StatusOr<CredentialPtr> Load() override { return candidate_; }
  [[nodiscard]] absl::optional<SignInPlan> Plan(const CredentialPtr& credential) override;
  void Send(const CredentialPtr& credential, Done done) override;
  void Abandon(const absl::Status& error) override;
  void Settle(BillResult<SignInAnswer> result, bool by_gateway) override;

 private:
  // The partner session of an accepted probe serves all slots of the same secrets.
  void KeepPartner(LockedSessions& state);

  SharedSessions& shared_;
  SlotOperations& slots_;
  SignInSettlement& settlement_;
  const ProbeId id_;
  const CredentialPtr candidate_;
  SignInAttempt attempt_;
};

// Returns the meaning of a refusal for the credential that was probed.
[[nodiscard]] ProbeVerdict VerdictOf(const BillError& error, const SignInOutcome& outcome);

}  // namespace billbroker
