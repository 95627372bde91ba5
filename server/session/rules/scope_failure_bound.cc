#include "server/session/rules/scope_failure_bound.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "server/session/rules/retry_time.h"
#include "server/session/rules/rule_errors.h"

namespace billbroker {
namespace {

// The scopes in which BILL may refuse a sign-in without a failure of its user.
constexpr QuarantineScope kNarrowScopes[] = {
    QuarantineScope::kSecretAndDevKey, QuarantineScope::kDevKey,
    QuarantineScope::kOrganizationAndDevKey, QuarantineScope::kUserAndOrganization};

}  // namespace

ScopeFailureBound::Scope ScopeFailureBound::ScopeOf(const SignInCandidate& candidate,
                                                    QuarantineScope kind) {
  Scope scope;
  scope.kind = kind;
  scope.forced = candidate.force != SignInForce::kNone;
  switch (kind) {
    case QuarantineScope::kSecretAndDevKey:
      scope.secret_id = candidate.credential->user_secret_id;
      scope.dev_key = candidate.dev_key;
      break;
    case QuarantineScope::kDevKey:
      scope.dev_key = candidate.dev_key;
      break;
    case QuarantineScope::kOrganizationAndDevKey:
      scope.dev_key = candidate.dev_key;
      scope.organization_id = candidate.slot.organization_id;
      break;
    default:
      scope.user = candidate.user;
      scope.organization_id = candidate.slot.organization_id;
  }
  return scope;
}

absl::optional<absl::Duration> ScopeFailureBound::BlockedUntil(const SignInCandidate& candidate,
                                                               absl::Duration now) {
  absl::optional<absl::Duration> until;
  bool busy = false;
  for (const QuarantineScope kind : kNarrowScopes) {
    const auto found = scopes_.find(ScopeOf(candidate, kind));
    if (found == scopes_.end()) continue;
    Refusals& refusals = found->second;
    const int refused = refusals.ended.CountAt(now);
    if (refused >= bound_) {
      const absl::Duration free_at = refusals.ended.ForgottenAt(refused - bound_ + 1);
      until = std::max(until.value_or(free_at), free_at);
    }
    // A scope without refusals needs no care: the quarantine follows the first one.
    busy = busy || (refused > 0 && refused + refusals.under_way >= bound_);
  }
  if (!until.has_value() && busy) return absl::InfiniteDuration();
  return until;
}

RuleAnswer ScopeFailureBound::Check(const SignInCandidate& candidate, absl::Duration now) {
  const absl::optional<absl::Duration> until = BlockedUntil(candidate, now);
  if (!until.has_value()) return RuleAnswer::Go();
  return *until == absl::InfiniteDuration()
             ? RuleAnswer::WaitForAnother(RuleAnswer::Blocks::kThisOne)
             : RuleAnswer::Refuse();
}

absl::Status ScopeFailureBound::Explain(const SignInCandidate& candidate, absl::Duration now) {
  return LoginBudgetSpent(
      candidate, RetryAfter(BlockedUntil(candidate, now).value_or(now), now, random_),
      absl::StrCat("BILL refused ", bound_, " sign-ins like that of ", NameOf(candidate),
                   " within an hour; fix the cause of the refusals and try again after the time to "
                   "wait"));
}

void ScopeFailureBound::CountUnderWay(const SignInCandidate& candidate, int change,
                                      absl::Duration now) {
  for (const QuarantineScope kind : kNarrowScopes) {
    const auto found = scopes_.try_emplace(ScopeOf(candidate, kind)).first;
    Refusals& refusals = found->second;
    refusals.under_way += change;
    if (refusals.under_way == 0 && refusals.ended.CountAt(now) == 0) scopes_.erase(found);
  }
}

void ScopeFailureBound::Started(const SignInCandidate& candidate, absl::Duration now) {
  CountUnderWay(candidate, 1, now);
}

void ScopeFailureBound::Released(const SignInCandidate& candidate, absl::Duration now) {
  CountUnderWay(candidate, -1, now);
}

void ScopeFailureBound::Ended(const SignInCandidate& candidate, const SignInOutcome& outcome,
                              absl::Duration now) {
  if (outcome.proof == SecretProof::kGained) Forgive(candidate);
  Released(candidate, now);
  Restore(candidate, outcome.failed_scope, now);
}

void ScopeFailureBound::Forgive(const SignInCandidate& candidate) {
  for (const QuarantineScope kind : kNarrowScopes) {
    Scope scope = ScopeOf(candidate, kind);
    for (const bool forced : {false, true}) {
      scope.forced = forced;
      const auto found = scopes_.find(scope);
      if (found != scopes_.end()) found->second.ended = PastHour();
    }
  }
}

void ScopeFailureBound::Restore(const SignInCandidate& candidate, QuarantineScope failed_scope,
                                absl::Duration ended) {
  const bool narrow = std::find(std::begin(kNarrowScopes), std::end(kNarrowScopes), failed_scope) !=
                      std::end(kNarrowScopes);
  if (narrow) scopes_[ScopeOf(candidate, failed_scope)].ended.Add(ended);
}

}  // namespace billbroker
