// SignInOutcome: the effect of one sign-in on the budget, the BILL user, the secret and the slot.
// One table for all three kinds of sign-in; see docs/adr/0023-sign-in-outcomes.md.
#pragma once

#include "server/bill/bill_error.h"

namespace billbroker {

// Which call BILL refused or accepted.
enum class SignInStep {
  kSignIn,         // POST /v3/login
  kPartnerSignIn,  // POST /v3/partner/login: judges user name, password and appKey
  kSignInAsUser,   // POST /v3/partner/login-as-user: judges appKey, user id and organization
};

// The effect on the BILL user's failed sign-ins. BILL locks a user after about ten. A refusal that
// counts for something narrower than the user has SignInOutcome::failed_scope too.
enum class UserFailure {
  kNone,
  kFailed,   // BILL judged user name and secret, or may have
  kUnclear,  // the answer was lost, or a gateway gave it; taken back once BILL accepts this secret
};

// The effect on "BILL accepted this secret before".
enum class SecretProof { kKept, kLost, kGained };

// The subject of a refusal. If it is quarantined, it is not sent again until it changed.
//
// The devKey of a partner's two steps is the partner's appKey. A partner sign-in names no
// organization, so its scopes never include one.
enum class QuarantineScope {
  kNone,
  kSecret,                 // (environment, user, secret)
  kSecretAndDevKey,        // (secret, devKey)
  kDevKey,                 // (environment, devKey)
  kOrganizationAndDevKey,  // (organization, devKey)
  kUserAndOrganization,    // (environment, user, organization)
  kUserLockout,            // (environment, user), until the cool-down ends
  kOrganizationLockout,    // (environment, organization), until the cool-down ends
};

// When the slot may try again after a failure that is not quarantined.
enum class SlotBackoff {
  kNone,
  kTransient,  // doubles up to a minute
  kGrowing,    // doubles up to an hour: refused, unstable or MFA is required
};

// The facts about the credential before the sign-in.
struct SignInHistory {
  bool secret_accepted = false;  // BILL last accepted exactly this secret of this user
  // BILL accepted this secret at another organization within the last hour. Ignored for a partner
  // sign-in.
  bool secret_accepted_elsewhere = false;
  // The devKey has worked for this organization. For a partner sign-in: the appKey has worked.
  bool dev_key_worked_here = false;
  bool dev_key_worked_anywhere = false;  // the devKey has worked for some organization
  // Another organization was refused with this secret and devKey (BDC_1102, 1103), without an
  // acceptance in between.
  bool dev_key_refused_elsewhere = false;
};

struct SignInOutcome {
  bool charged = true;  // counts for the devKey's hour; false if it was provably not sent
  UserFailure failure = UserFailure::kNone;
  bool lost = false;  // it was sent, and its answer was lost
  // The scope that the refusal counts as a failure of, besides the user. kNone if the user's count
  // covers it. Forced sign-ins, which pass the quarantine, are limited to 3 an hour in it.
  QuarantineScope failed_scope = QuarantineScope::kNone;
  SecretProof proof = SecretProof::kKept;
  QuarantineScope quarantine = QuarantineScope::kNone;
  SlotBackoff backoff = SlotBackoff::kNone;
  // BDC_1144: sign-ins of the devKey are suspended.
  bool suspends_dev_key = false;
  bool throttled = false;  // HTTP 429 without a code: sign-ins of the devKey slow down
  // For the circuit breaker of the environment: a failed connection, a lost answer, 5xx, 408, 425,
  // BDC_1001, 1002, or a gateway's refusal.
  bool transient = false;
  // For the circuit breaker: BILL accepted the sign-in or refused it. Neither `transient` nor
  // `judged` is true after a limit (BDC_1144, 1322, a bare 429) or a failed risk check (BDC_1570),
  // which neither begin nor end an outage.
  bool judged = false;

  friend bool operator==(const SignInOutcome&, const SignInOutcome&) = default;
};

// Returns the outcome of a sign-in. `error` is null if BILL accepted it. `by_gateway`: a gateway
// and not BILL refused it, see GatewayCheck; ignored unless NeedsGatewayCheck(*error).
[[nodiscard]] SignInOutcome ClassifySignIn(const BillError* error, SignInStep step,
                                           const SignInHistory& history, bool by_gateway);

// Returns true if only a look at GET /v3/health can show whether BILL or a gateway refused the
// sign-in: an uncoded 400, 401, 403 or 404, a 200 without a session, a 3xx, another uncoded 4xx.
// False for 408, 423, 425 and 429, whose meaning is known.
[[nodiscard]] bool NeedsGatewayCheck(const BillError& error);

}  // namespace billbroker
