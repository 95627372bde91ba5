// MfaStepUp: makes live sessions MFA-trusted without a sign-in, by POST /v3/mfa/step-up.
#pragma once

#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "server/session/session_checks.h"
#include "server/session/session_state.h"
#include "server/session/sign_in_settlement.h"
#include "server/session/slot_operations.h"
#include "vault/base/secret_string.h"

namespace billbroker {

// The result of one attempt to make a session MFA-trusted.
enum class StepUpOutcome {
  kTrusted,
  kNotTaken,  // BILL does not accept the rememberMeId
  kFailed,    // BILL did not answer the question; nothing is changed
};

using StepUpDone = absl::AnyInvocable<void(std::vector<StepUpOutcome>)>;

class MfaStepUp final {
 public:
  MfaStepUp(SharedSessions& shared, SlotOperations& slots, SessionChecks& checks,
            SignInSettlement& settlement)
      : shared_(shared), slots_(slots), checks_(checks), settlement_(settlement) {}

  // Steps up every live session of `credential`, a few at a time. Sessions that are trusted already
  // count as kTrusted. Calls `done` once, with the outcomes in no order. Returns their number.
  // Called without the lock.
  int Start(const CredentialInfoPtr& credential, SecretString remember_me_id, std::string device,
            StepUpDone done);

 private:
  class Run;

  StepUpOutcome OnSteppedUp(const CredentialInfo& credential, const SessionPtr& session,
                            const BillResult<SteppedUp>& result);

  SharedSessions& shared_;
  SlotOperations& slots_;
  SessionChecks& checks_;
  SignInSettlement& settlement_;
};

}  // namespace billbroker
