// CredentialProbe: a sign-in that proves a credential before it is stored, or without a change.
#pragma once

#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/session/cause.h"
#include "server/session/ids.h"
#include "server/session/session.h"
#include "server/session/session_demand.h"
#include "vault/credential.h"
#include "vault/credential_index.h"

namespace billbroker {

// The result of a probe for the credential.
enum class ProbeVerdict {
  kAccepted,  // BILL signed it in
  kRefused,   // BILL judged it and refused
  kUnclear,   // the answer was lost: BILL may have accepted it, or counted a failure
  kNotTried,  // it was not sent, or BILL did not judge it
};

struct ProbeRequest {
  CredentialPtr candidate;      // has the uid and name of a stored credential
  CredentialInfoPtr info;       // of `candidate`
  std::string organization_id;  // attached to the candidate and to the stored credential
  absl::Duration patience = kPatience;
  std::string principal;  // of the operator
  CausePtr cause;         // the call
  // A person just entered the secret: it is tried in spite of an earlier refusal.
  bool ignore_quarantine = true;
};

struct ProbeResult {
  ProbeVerdict verdict = ProbeVerdict::kNotTried;
  absl::Status status;  // OK if accepted
  SessionPtr session;   // if accepted: live, and not returned to any caller yet
};

// Called exactly once.
using ProbeDone = absl::AnyInvocable<void(ProbeResult)>;

// A probe that is queued or under way. Guarded by SessionManager.
struct CredentialProbe {
  ProbeId id;
  ProbeRequest request;
  ProbeDone done;
  absl::Duration gives_up;  // Clock::SinceBoot()
  bool on_trial = false;    // its secret is not the one in effect

  [[nodiscard]] SlotId slot() const { return {request.info->uid, request.organization_id}; }
};

}  // namespace billbroker
