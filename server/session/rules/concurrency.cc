#include "server/session/rules/concurrency.h"

#include "absl/strings/str_cat.h"
#include "server/session/rules/retry_time.h"
#include "server/session/rules/rule_errors.h"

namespace billbroker {
namespace {

template <typename Map, typename Key>
bool IsFull(const Map& counts, const Key& key, int limit) {
  const auto found = counts.find(key);
  return found != counts.end() && found->second >= limit;
}

template <typename Map, typename Key>
void CountDown(Map& counts, const Key& key) {
  const auto found = counts.find(key);
  if (found != counts.end() && --found->second == 0) counts.erase(found);
}

}  // namespace

Concurrency::Place Concurrency::PlaceOf(const SignInCandidate& candidate) {
  return {candidate.dev_key, candidate.slot.organization_id};
}

RuleAnswer Concurrency::Check(const SignInCandidate& candidate, absl::Duration /*now*/) {
  using Blocks = RuleAnswer::Blocks;
  if (under_way_ >= options_.all) return RuleAnswer::WaitForAnother(Blocks::kAll);
  if (IsFull(by_dev_key_, candidate.dev_key, options_.per_dev_key)) {
    return RuleAnswer::WaitForAnother(Blocks::kDevKey);
  }
  if (IsFull(by_user_, candidate.user, options_.per_user)) {
    return RuleAnswer::WaitForAnother(Blocks::kUser);
  }
  if (places_.contains(PlaceOf(candidate))) return RuleAnswer::WaitForAnother(Blocks::kThisOne);
  return RuleAnswer::Go();
}

absl::Status Concurrency::Explain(const SignInCandidate& candidate, absl::Duration now) {
  return LoginBudgetSpent(candidate, RetryAfter(absl::InfiniteDuration(), now, random_),
                          absl::StrCat("too many sign-ins are under way at once to start that of ",
                                       NameOf(candidate), "; ask again after the time to wait"));
}

void Concurrency::Started(const SignInCandidate& candidate, absl::Duration /*now*/) {
  ++under_way_;
  ++by_user_[candidate.user];
  ++by_dev_key_[candidate.dev_key];
  places_.insert(PlaceOf(candidate));
}

void Concurrency::Released(const SignInCandidate& candidate, absl::Duration /*now*/) {
  --under_way_;
  CountDown(by_user_, candidate.user);
  CountDown(by_dev_key_, candidate.dev_key);
  places_.erase(PlaceOf(candidate));
}

void Concurrency::Ended(const SignInCandidate& candidate, const SignInOutcome& /*outcome*/,
                        absl::Duration now) {
  Released(candidate, now);
}

}  // namespace billbroker
