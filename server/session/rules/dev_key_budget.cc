#include "server/session/rules/dev_key_budget.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "server/session/rules/retry_time.h"
#include "server/session/rules/rule_errors.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

constexpr absl::Duration kShortestSuspension = absl::Seconds(1);
// BILL's header Date has whole seconds, and its servers' clocks differ a little.
constexpr absl::Duration kHourMargin = absl::Seconds(5);
constexpr absl::Duration kHourJitter = absl::Seconds(25);
// For estimates: how long a sign-in under way still takes.
constexpr absl::Duration kSignInTakes = absl::Seconds(5);

}  // namespace

absl::Duration SuspensionTime(absl::optional<absl::Duration> retry_after, absl::Time bill_time,
                              Random& random) {
  if (retry_after.has_value()) return std::max(*retry_after, kShortestSuspension);
  const absl::Duration into_hour = (bill_time - absl::UnixEpoch()) % absl::Hours(1);
  const absl::Duration jitter = kHourJitter * random.Uniform();
  if (into_hour < absl::Minutes(1)) return absl::Minutes(1) + jitter;
  return absl::Hours(1) - into_hour + kHourMargin + jitter;
}

DevKeyBudget::DevKey& DevKeyBudget::DevKeyOf(const DevKeyBudgetId& id) {
  DevKey& dev_key = dev_keys_[id];
  if (dev_key.limit.all == 0) dev_key.limit = limits_.Of(id);
  return dev_key;
}

int& DevKeyBudget::QueuedOf(DevKey& dev_key, SignInPurpose purpose) {
  return dev_key.queued[static_cast<std::size_t>(purpose)];
}

RuleAnswer DevKeyBudget::Check(const SignInCandidate& candidate, absl::Duration now) {
  using Blocks = RuleAnswer::Blocks;
  DevKey& dev_key = DevKeyOf(candidate.dev_key);
  if (now < dev_key.suspended_until) {
    return RuleAnswer::WaitUntil(dev_key.suspended_until, Blocks::kDevKey);
  }
  int used = dev_key.ended.CountAt(now) + dev_key.under_way;
  int limit = dev_key.limit.all;
  int others = 0;  // queued candidates that may go although this one may not
  switch (candidate.purpose) {
    case SignInPurpose::kProof:
      break;
    case SignInPurpose::kCaller:
      limit = dev_key.limit.callers;
      others = QueuedOf(dev_key, SignInPurpose::kProof);
      if (used < limit && !shares_.IsBelowShare(candidate.dev_key, candidate.principal, now)) {
        limit = dev_key.limit.shared;
        others += QueuedOf(dev_key, SignInPurpose::kCaller);
      }
      break;
    default:  // leaves sign-ins for the callers in the queue
      limit = dev_key.limit.shared;
      others = QueuedOf(dev_key, SignInPurpose::kProof) + QueuedOf(dev_key, SignInPurpose::kCaller);
      used += others;
  }
  if (used < limit) return RuleAnswer::Go();
  return RuleAnswer::WaitUntil(dev_key.ended.ForgottenAt(used - limit + 1),
                               others > 0 ? Blocks::kPrincipalOnDevKey : Blocks::kDevKey);
}

absl::Status DevKeyBudget::Explain(const SignInCandidate& candidate, absl::Duration now) {
  const RuleAnswer answer = Check(candidate, now);
  return ExplainTurn(candidate, answer.ok() ? now : answer.until(), now);
}

absl::Status DevKeyBudget::ExplainTurn(const SignInCandidate& candidate, absl::Duration turn,
                                       absl::Duration now) {
  const absl::Duration wait = RetryAfter(turn, now, random_);
  const absl::Duration suspended_until = SuspendedUntil(candidate.dev_key);
  if (now < suspended_until && turn <= suspended_until) {
    return MakeError({Reason::kBillRateLimited,
                      wait,
                      {{"organization_id", candidate.slot.organization_id},
                       {"credential", candidate.credential->name},
                       {"bill_code", "BDC_1144"}}},
                     absl::StrCat("BILL's hourly limit is spent for the devKey of ",
                                  NameOf(candidate), "; ask again after the time to wait"));
  }
  return LoginBudgetSpent(
      candidate, wait,
      absl::StrCat("the sign-ins that BILL allows the devKey of ", NameOf(candidate),
                   " in an hour are spent; ask again after the time to wait"));
}

void DevKeyBudget::Joined(const SignInCandidate& candidate, absl::Duration /*now*/) {
  ++QueuedOf(DevKeyOf(candidate.dev_key), candidate.purpose);
}

void DevKeyBudget::Left(const SignInCandidate& candidate, absl::Duration /*now*/) {
  --QueuedOf(DevKeyOf(candidate.dev_key), candidate.purpose);
}

void DevKeyBudget::Started(const SignInCandidate& candidate, absl::Duration /*now*/) {
  ++DevKeyOf(candidate.dev_key).under_way;
}

void DevKeyBudget::Released(const SignInCandidate& candidate, absl::Duration /*now*/) {
  --DevKeyOf(candidate.dev_key).under_way;
}

void DevKeyBudget::Ended(const SignInCandidate& candidate, const SignInOutcome& outcome,
                         absl::Duration now) {
  Released(candidate, now);
  if (outcome.charged) Restore(candidate.dev_key, now);
}

// Callers start as soon as earlier sign-ins are forgotten, in the order in which those ended. The
// sign-ins of the callers ahead are forgotten in turn, an hour after each.
absl::Duration DevKeyBudget::TurnOf(const DevKeyBudgetId& id, std::int64_t ahead,
                                    absl::Duration now) {
  DevKey& dev_key = DevKeyOf(id);
  const int ended = dev_key.ended.CountAt(now);
  const int used = ended + dev_key.under_way;
  const int limit = dev_key.limit.callers;
  const std::int64_t hours = ahead / limit;
  const int forgotten = used - limit + 1 + static_cast<int>(ahead % limit);
  const absl::Duration first = forgotten <= ended ? dev_key.ended.ForgottenAt(forgotten)
                                                  : now + kSignInTakes + PastHour::kWindow;
  const absl::Duration turn = std::max(first, now) + hours * (PastHour::kWindow + kSignInTakes);
  return std::max(turn, dev_key.suspended_until);
}

void DevKeyBudget::Suspend(const DevKeyBudgetId& id, absl::Duration until) {
  DevKey& dev_key = DevKeyOf(id);
  dev_key.suspended_until = std::max(dev_key.suspended_until, until);
}

void DevKeyBudget::SuspendChecks(const DevKeyBudgetId& id, absl::Duration until) {
  DevKey& dev_key = DevKeyOf(id);
  dev_key.checks_suspended_until = std::max(dev_key.checks_suspended_until, until);
}

absl::Duration DevKeyBudget::SuspendedUntil(const DevKeyBudgetId& id) const {
  const auto found = dev_keys_.find(id);
  return found == dev_keys_.end() ? -absl::InfiniteDuration() : found->second.suspended_until;
}

absl::Duration DevKeyBudget::ChecksSuspendedUntil(const DevKeyBudgetId& id) const {
  const auto found = dev_keys_.find(id);
  return found == dev_keys_.end() ? -absl::InfiniteDuration()
                                  : found->second.checks_suspended_until;
}

void DevKeyBudget::Restore(const DevKeyBudgetId& id, absl::Duration ended) {
  DevKeyOf(id).ended.Add(ended);
}

std::vector<DevKeyUse> DevKeyBudget::Uses(
    absl::Duration now, absl::FunctionRef<int(const DevKeyBudgetId&)> count_queued) {
  std::vector<DevKeyUse> uses;
  for (auto& [id, dev_key] : dev_keys_) {
    const int used = dev_key.ended.CountAt(now) + dev_key.under_way;
    const int queued = count_queued(id);
    if (used == 0 && queued == 0 && dev_key.suspended_until <= now) continue;
    uses.push_back({id, dev_key.limit.all, used, queued, dev_key.suspended_until});
  }
  std::sort(uses.begin(), uses.end(),
            [](const DevKeyUse& a, const DevKeyUse& b) { return a.dev_key < b.dev_key; });
  return uses;
}

}  // namespace billbroker
