// ScopeFailureBound: how often BILL may refuse sign-ins of a scope that is narrower than a user.
//
// Some refusals do not count as failed sign-ins of the user, because BILL accepted the secret
// before: for example, the user has no access to one organization. Their scope is quarantined after
// one, but forced sign-ins pass a quarantine. This bound allows at most 3 forced ones an hour to be
// refused in the same scope, and as many that are not forced, restarts included. A sign-in under
// way counts as refused. An accepted sign-in takes the refusals of its scopes back.
#pragma once

#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/types/optional.h"
#include "server/session/rules/past_hour.h"
#include "server/session/sign_in_rule.h"
#include "vault/base/random.h"

namespace billbroker {

class ScopeFailureBound final : public SignInRule {
 public:
  // `refusals_per_hour` is above 0.
  ScopeFailureBound(int refusals_per_hour, Random& random)
      : bound_(refusals_per_hour), random_(random) {}

  [[nodiscard]] RuleAnswer Check(const SignInCandidate& candidate, absl::Duration now) override;
  [[nodiscard]] absl::Status Explain(const SignInCandidate& candidate, absl::Duration now) override;
  void Started(const SignInCandidate& candidate, absl::Duration now) override;
  void Released(const SignInCandidate& candidate, absl::Duration now) override;
  // Counts the sign-in if `outcome.failed_scope` is set.
  void Ended(const SignInCandidate& candidate, const SignInOutcome& outcome,
             absl::Duration now) override;

  // Adds a sign-in of before a restart, which was refused in `failed_scope` and ended at `ended`.
  void Restore(const SignInCandidate& candidate, QuarantineScope failed_scope,
               absl::Duration ended);
  // Takes back the refusals of the scopes of a sign-in that BILL accepted.
  void Forgive(const SignInCandidate& candidate);

 private:
  // The subject of a refusal. The members that do not belong to its kind are empty.
  struct Scope {
    QuarantineScope kind = QuarantineScope::kNone;
    bool forced = false;
    UserId user;
    DevKeyBudgetId dev_key;
    std::string organization_id;
    std::string secret_id;

    friend bool operator==(const Scope&, const Scope&) = default;
    template <typename H>
    friend H AbslHashValue(H hash, const Scope& scope) {
      return H::combine(std::move(hash), scope.kind, scope.forced, scope.user, scope.dev_key,
                        scope.organization_id, scope.secret_id);
    }
  };
  struct Refusals {
    PastHour ended;
    int under_way = 0;
  };

  [[nodiscard]] static Scope ScopeOf(const SignInCandidate& candidate, QuarantineScope kind);
  // Returns the time from which the candidate may go; nullopt if it may go now, infinite if a
  // sign-in under way has to end first.
  [[nodiscard]] absl::optional<absl::Duration> BlockedUntil(const SignInCandidate& candidate,
                                                            absl::Duration now);
  void CountUnderWay(const SignInCandidate& candidate, int change, absl::Duration now);

  int bound_;
  Random& random_;
  absl::flat_hash_map<Scope, Refusals> scopes_;  // not the empty ones
};

}  // namespace billbroker
