// PartnerSignIn: the sign-in of an API partner itself, before it signs in as users. Internal to
// server/session.
#pragma once

#include <utility>

#include "server/session/session_state.h"
#include "server/session/sign_in_attempt.h"
#include "server/session/sign_in_job.h"
#include "server/session/sign_in_settlement.h"
#include "server/session/slot_operations.h"

namespace billbroker {

class PartnerSignIn final : public SignInTarget {
 public:
  // `candidate` is null, or the credential of a probe.
  PartnerSignIn(SharedSessions& shared, SlotOperations& slots, SignInSettlement& settlement,
                PartnerId id, CredentialPtr candidate, SignInAttempt attempt)
      : shared_(shared),
        slots_(slots),
        settlement_(settlement),
        id_(std::move(id)),
        candidate_(std::move(candidate)),
        attempt_(std::move(attempt)) {}

  [[nodiscard]] absl::StatusOr<CredentialPtr> Load() override;
  [[nodiscard]] absl::optional<SignInPlan> Plan(const CredentialPtr& credential) override;
  void Send(const CredentialPtr& credential, Done done) override;
  void Abandon(const absl::Status& error) override;
  void Settle(BillResult<SignInAnswer> result, bool by_gateway) override;

 private:
  void Adopt(LockedSessions& state, Partner& partner, SignInAnswer answer);
  void Refuse(LockedSessions& state, Partner& partner, const BillError& error,
              const SignInSettlement::Result& result);

  SharedSessions& shared_;
  SlotOperations& slots_;
  SignInSettlement& settlement_;
  const PartnerId id_;
  const CredentialPtr candidate_;
  SignInAttempt attempt_;
};

}  // namespace billbroker
