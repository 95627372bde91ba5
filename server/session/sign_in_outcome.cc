#include "server/session/sign_in_outcome.h"

namespace billbroker {
namespace {

constexpr int kRequestTimeout = 408;
constexpr int kLocked = 423;
constexpr int kTooEarly = 425;
constexpr int kTooManyRequests = 429;

SignInOutcome Accepted() {
  SignInOutcome outcome;
  outcome.proof = SecretProof::kGained;
  outcome.judged = true;
  return outcome;
}

SignInOutcome NotSent(const BillError& error) {
  SignInOutcome outcome;
  outcome.charged = false;
  // A request that cannot be sent at all is not a failure of the network.
  outcome.transient = error.verdict == Verdict::kUnavailable;
  outcome.backoff = outcome.transient ? SlotBackoff::kTransient : SlotBackoff::kGrowing;
  return outcome;
}

SignInOutcome Transient() {
  SignInOutcome outcome;
  outcome.transient = true;
  outcome.backoff = SlotBackoff::kTransient;
  return outcome;
}

SignInOutcome Limited() {
  SignInOutcome outcome;
  outcome.backoff = SlotBackoff::kTransient;
  return outcome;
}

SignInOutcome Throttled() {
  SignInOutcome outcome = Limited();
  outcome.throttled = true;
  return outcome;
}

SignInOutcome Lost(const SignInHistory& history) {
  SignInOutcome outcome = Transient();
  outcome.lost = true;
  // An outage must not shut out a user whose secret is known to be right.
  if (!history.secret_accepted) outcome.failure = UserFailure::kUnclear;
  return outcome;
}

SignInOutcome RefusedByGateway() {
  SignInOutcome outcome = Transient();
  outcome.failure = UserFailure::kUnclear;
  return outcome;
}

// BILL judged user name and secret, or may have.
SignInOutcome SecretFailed() {
  SignInOutcome outcome;
  outcome.failure = UserFailure::kFailed;
  outcome.proof = SecretProof::kLost;
  outcome.judged = true;
  return outcome;
}

SignInOutcome Quarantined(SignInOutcome outcome, QuarantineScope scope) {
  outcome.quarantine = scope;
  return outcome;
}

SignInOutcome BackedOff(SignInOutcome outcome) {
  outcome.backoff = SlotBackoff::kGrowing;
  return outcome;
}

// BILL refused something other than the secret. A secret that was never accepted may be the cause
// all the same: BILL documents BDC_1102 for a wrong user name or password too.
SignInOutcome ScopeFailed(const SignInHistory& history, QuarantineScope scope) {
  SignInOutcome outcome;
  if (!history.secret_accepted) outcome.failure = UserFailure::kFailed;
  outcome.failed_scope = scope;
  outcome.judged = true;
  return Quarantined(outcome, scope);
}

// BDC_1102 and 1103. A devKey is quarantined for all only if it worked for this organization with a
// secret that is known to be right: neither an organization that is not the devKey's nor a secret
// on trial may shut out the others.
QuarantineScope ScopeOfRefusedDevKey(SignInStep step, const SignInHistory& history) {
  if (history.dev_key_worked_here) {
    return history.secret_accepted ? QuarantineScope::kDevKey : QuarantineScope::kSecretAndDevKey;
  }
  // A second organization was refused, and nothing speaks for this secret with this devKey.
  const bool unproved = !history.secret_accepted || !history.dev_key_worked_anywhere;
  if (history.dev_key_refused_elsewhere && unproved) return QuarantineScope::kSecretAndDevKey;
  return step == SignInStep::kPartnerSignIn ? QuarantineScope::kSecretAndDevKey
                                            : QuarantineScope::kOrganizationAndDevKey;
}

SignInOutcome DevKeyRefused(const BillError& error, SignInStep step, const SignInHistory& history) {
  if (error.code != "BDC_1104") {
    return ScopeFailed(history, ScopeOfRefusedDevKey(step, history));
  }
  // The terms of the devKey are not accepted. That does not depend on the secret.
  SignInOutcome outcome = ScopeFailed(history, QuarantineScope::kDevKey);
  outcome.failure = UserFailure::kNone;
  return outcome;
}

SignInOutcome UnknownCode(SignInStep step, const SignInHistory& history) {
  const bool elsewhere = history.secret_accepted_elsewhere && step != SignInStep::kPartnerSignIn;
  if (!elsewhere) return BackedOff(SecretFailed());
  SignInOutcome outcome;
  outcome.failed_scope = QuarantineScope::kUserAndOrganization;
  outcome.judged = true;
  return BackedOff(outcome);
}

SignInOutcome Unavailable(const BillError& error) {
  // BILL's risk service failed; BILL itself is available.
  return error.code == "BDC_1570" ? Limited() : Transient();
}

// The call was refused for another reason than the secret or the key.
SignInOutcome RefusedOtherwise() {
  SignInOutcome outcome;
  outcome.judged = true;
  return BackedOff(outcome);
}

SignInOutcome DevKeySuspended() {
  SignInOutcome outcome;
  outcome.suspends_dev_key = true;
  return outcome;
}

SignInOutcome WithCode(const BillError& error, SignInStep step, const SignInHistory& history) {
  const bool by_partner = step == SignInStep::kPartnerSignIn;
  const bool as_user = step == SignInStep::kSignInAsUser;
  switch (error.verdict) {
    case Verdict::kSecretRejected:
      // login-as-user shows BILL no password.
      return Quarantined(SecretFailed(), as_user ? QuarantineScope::kUserAndOrganization
                                                 : QuarantineScope::kSecret);
    case Verdict::kUserLocked:
      return Quarantined(SecretFailed(), QuarantineScope::kUserLockout);
    case Verdict::kOrganizationLocked:
      return Quarantined(SecretFailed(), by_partner ? QuarantineScope::kUserLockout
                                                    : QuarantineScope::kOrganizationLockout);
    case Verdict::kDevKeyRejected:
      return DevKeyRefused(error, step, history);
    case Verdict::kOrganizationRejected:
      return ScopeFailed(history, by_partner ? QuarantineScope::kSecretAndDevKey
                                             : QuarantineScope::kUserAndOrganization);
    case Verdict::kUntrusted:
    case Verdict::kMfaFailed:
    case Verdict::kSessionInvalid:
    case Verdict::kApiUnsupported:
      return RefusedOtherwise();
    case Verdict::kRateLimited:
      return DevKeySuspended();
    case Verdict::kTooManyConcurrent:
    case Verdict::kThrottled:
      return Limited();
    case Verdict::kRefused:
      return UnknownCode(step, history);
    case Verdict::kUnavailable:
      break;
  }
  return Unavailable(error);
}

bool IsTransientStatus(int status) {
  return status >= 500 || status == kRequestTimeout || status == kTooEarly;
}

// The HTTP status is all that is known.
SignInOutcome WithoutCode(const BillError& error, const SignInHistory& history, bool by_gateway) {
  if (error.http_status == 0) return Lost(history);
  if (IsTransientStatus(error.http_status)) return Transient();
  if (error.http_status == kTooManyRequests) return Throttled();
  if (by_gateway && NeedsGatewayCheck(error)) return RefusedByGateway();
  return BackedOff(SecretFailed());
}

}  // namespace

SignInOutcome ClassifySignIn(const BillError* error, SignInStep step, const SignInHistory& history,
                             bool by_gateway) {
  if (error == nullptr) return Accepted();
  if (error->delivery == Delivery::kNotSent) return NotSent(*error);
  if (error->code.empty()) return WithoutCode(*error, history, by_gateway);
  return WithCode(*error, step, history);
}

bool NeedsGatewayCheck(const BillError& error) {
  const int status = error.http_status;
  return error.delivery != Delivery::kNotSent && error.code.empty() && status != 0 &&
         !IsTransientStatus(status) && status != kLocked && status != kTooManyRequests;
}

}  // namespace billbroker
