// SignInRule: one reason why a sign-in may not start now. The SignInScheduler asks an ordered list
// of rules.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/session/ids.h"
#include "server/session/sign_in_outcome.h"
#include "vault/credential_index.h"

namespace billbroker {

// Lower values go first.
enum class SignInPurpose {
  kProof,    // a probe: proves a credential for an operator
  kCaller,   // a caller waits
  kWarm,     // a warm watch, or the replacement of a live session
  kPrewarm,  // nobody asked
};

// Which sign-ins pass back-off and quarantine.
enum class SignInForce {
  kNone,
  kOperator,  // Login with `force`
  kAdmin,     // the same by a principal with role admin: passes the slot cap too
};

// A sign-in that is about to start. Owns its strings.
struct SignInCandidate {
  // The slot that the sign-in is for; for a probe, the slot whose credential is proved; for a
  // partner, its credential without an organization.
  SlotId slot;
  SignInStep step = SignInStep::kSignIn;
  CredentialInfoPtr credential;  // as last seen; never null
  UserId user;
  DevKeyBudgetId dev_key;
  // The principal that is charged: the caller that started the sign-in, or the principal of the
  // warm watch. Empty: nobody is charged (keep-alive, replacement, pre-warming).
  std::string principal;
  SignInPurpose purpose = SignInPurpose::kCaller;
  SignInForce force = SignInForce::kNone;
  // The session that must be live first; nullopt if the credential is not a partner's.
  absl::optional<PartnerId> partner = absl::nullopt;
  // The secret is a candidate of a rotation or roll-back and not in effect.
  bool on_trial = false;
};

// The answer of a rule to a candidate.
class RuleAnswer final {
 public:
  enum class Kind { kGo, kWait, kRefuse };
  // The other candidates that wait for the same reason, so that the scheduler need not ask again.
  enum class Blocks { kThisOne, kPrincipalOnDevKey, kUser, kDevKey, kEnvironment, kAll };

  [[nodiscard]] static RuleAnswer Go() { return {Kind::kGo, Blocks::kThisOne, {}}; }
  // Waits until `when` on Clock::SinceBoot(), which is a true bound.
  [[nodiscard]] static RuleAnswer WaitUntil(absl::Duration when, Blocks blocks) {
    return {Kind::kWait, blocks, when};
  }
  // Waits until another sign-in ends.
  [[nodiscard]] static RuleAnswer WaitForAnother(Blocks blocks) {
    return {Kind::kWait, blocks, absl::InfiniteDuration()};
  }
  // Refuses at once. SignInRule::Explain() returns the error for the callers.
  [[nodiscard]] static RuleAnswer Refuse() { return {Kind::kRefuse, Blocks::kThisOne, {}}; }

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool ok() const { return kind_ == Kind::kGo; }
  [[nodiscard]] Blocks blocks() const { return blocks_; }
  // Returns the time to wait for, if kind() is kWait.
  [[nodiscard]] absl::Duration until() const { return until_; }

 private:
  RuleAnswer(Kind kind, Blocks blocks, absl::Duration until)
      : kind_(kind), blocks_(blocks), until_(until) {}

  Kind kind_;
  Blocks blocks_;
  absl::Duration until_;
};

// Not thread-safe: guarded by SessionManager. All times are Clock::SinceBoot().
//
// Life of a sign-in: Joined() -> Check() answers go -> Left() and Started() -> Released() if it was
// provably not sent, or Ended() with its outcome. Candidates are asked in the order of their
// purposes: a rule may block all others of a devKey if one candidate has to wait.
class SignInRule {
 public:
  virtual ~SignInRule() = default;

  // Returns whether the candidate may start now. Cheap: the scheduler may ask often.
  [[nodiscard]] virtual RuleAnswer Check(const SignInCandidate& candidate, absl::Duration now) = 0;

  // Returns the error for a caller of a candidate that Check() refuses, or that does not wait as
  // long as Check() requires. `now` is the time of that Check().
  [[nodiscard]] virtual absl::Status Explain(const SignInCandidate& candidate,
                                             absl::Duration now) = 0;

  // Counts a candidate that enters the queue, or leaves it because it starts or is given up. For
  // rules that depend on the number of candidates that wait.
  virtual void Joined(const SignInCandidate& /*candidate*/, absl::Duration /*now*/) {}
  virtual void Left(const SignInCandidate& /*candidate*/, absl::Duration /*now*/) {}

  virtual void Started(const SignInCandidate& /*candidate*/, absl::Duration /*now*/) {}
  virtual void Released(const SignInCandidate& /*candidate*/, absl::Duration /*now*/) {}
  virtual void Ended(const SignInCandidate& /*candidate*/, const SignInOutcome& /*outcome*/,
                     absl::Duration /*now*/) {}
};

}  // namespace billbroker
