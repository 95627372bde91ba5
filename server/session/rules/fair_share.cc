#include "server/session/rules/fair_share.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/session/rules/retry_time.h"
#include "server/session/rules/rule_errors.h"

namespace billbroker {

FairShare::DevKey& FairShare::DevKeyOf(const DevKeyBudgetId& id, absl::Duration now) {
  DevKey& dev_key = dev_keys_[id];
  while (!dev_key.expires.empty() && dev_key.expires.begin()->first <= now) {
    dev_key.principals.erase(dev_key.expires.begin()->second);
    dev_key.expires.erase(dev_key.expires.begin());
  }
  return dev_key;
}

template <typename Change>
void FairShare::Update(DevKey& dev_key, absl::string_view name, absl::Duration now, Change change) {
  Principal& principal = dev_key.principals[name];
  dev_key.expires.erase({principal.active_until, std::string(name)});
  if (principal.waiting > 0) --dev_key.waiting;
  change(principal);
  if (principal.waiting > 0) ++dev_key.waiting;
  principal.last_active = std::max(principal.last_active, now);
  const bool has_work = principal.waiting > 0 || principal.under_way > 0;
  principal.active_until =
      has_work ? absl::InfiniteDuration() : principal.last_active + PastHour::kWindow;
  dev_key.expires.emplace(principal.active_until, name);
}

void FairShare::Waits(const DevKeyBudgetId& id, absl::string_view name, absl::Duration now) {
  if (name.empty()) return;
  Update(DevKeyOf(id, now), name, now, [](Principal& principal) { ++principal.waiting; });
}

void FairShare::StopsWaiting(const DevKeyBudgetId& id, absl::string_view name, absl::Duration now) {
  if (name.empty()) return;
  Update(DevKeyOf(id, now), name, now, [](Principal& principal) { --principal.waiting; });
}

void FairShare::Joined(const SignInCandidate& candidate, absl::Duration now) {
  if (candidate.purpose == SignInPurpose::kCaller)
    Waits(candidate.dev_key, candidate.principal, now);
}

void FairShare::Left(const SignInCandidate& candidate, absl::Duration now) {
  if (candidate.purpose == SignInPurpose::kCaller) {
    StopsWaiting(candidate.dev_key, candidate.principal, now);
  }
}

void FairShare::Started(const SignInCandidate& candidate, absl::Duration now) {
  if (candidate.principal.empty()) return;
  Update(DevKeyOf(candidate.dev_key, now), candidate.principal, now,
         [](Principal& principal) { ++principal.under_way; });
}

void FairShare::Released(const SignInCandidate& candidate, absl::Duration now) {
  if (candidate.principal.empty()) return;
  Update(DevKeyOf(candidate.dev_key, now), candidate.principal, now,
         [](Principal& principal) { --principal.under_way; });
}

void FairShare::Ended(const SignInCandidate& candidate, const SignInOutcome& outcome,
                      absl::Duration now) {
  Released(candidate, now);
  if (outcome.charged) Restore(candidate.dev_key, candidate.principal, now);
}

void FairShare::Restore(const DevKeyBudgetId& id, absl::string_view name, absl::Duration ended) {
  if (name.empty()) return;
  Update(dev_keys_[id], name, ended, [ended](Principal& principal) { principal.ended.Add(ended); });
}

int FairShare::Excess(const DevKeyBudgetId& id, DevKey& dev_key, absl::string_view name,
                      absl::Duration now) const {
  const auto found = dev_key.principals.find(name);
  if (found == dev_key.principals.end()) return 0;
  const int active = static_cast<int>(dev_key.principals.size());
  const int used = found->second.ended.CountAt(now) + found->second.under_way;
  const int allowed = (limits_.Of(id).all + active - 1) / active;  // used * active < limit
  return used - allowed + 1;
}

bool FairShare::IsBelowShare(const DevKeyBudgetId& id, absl::string_view name, absl::Duration now) {
  return name.empty() || Excess(id, DevKeyOf(id, now), name, now) <= 0;
}

RuleAnswer FairShare::Check(const SignInCandidate& candidate, absl::Duration now) {
  const std::string& name = candidate.principal;
  if (name.empty() || candidate.purpose == SignInPurpose::kProof) return RuleAnswer::Go();
  DevKey& dev_key = DevKeyOf(candidate.dev_key, now);
  const int excess = Excess(candidate.dev_key, dev_key, name, now);
  if (excess <= 0) return RuleAnswer::Go();
  const Principal& principal = dev_key.principals.find(name)->second;
  const int others = dev_key.waiting - (principal.waiting > 0 ? 1 : 0);
  if (others == 0) return RuleAnswer::Go();
  return RuleAnswer::WaitUntil(principal.ended.ForgottenAt(excess),
                               RuleAnswer::Blocks::kPrincipalOnDevKey);
}

absl::Status FairShare::Explain(const SignInCandidate& candidate, absl::Duration now) {
  const RuleAnswer answer = Check(candidate, now);
  const absl::Duration until = answer.ok() ? now : answer.until();
  return LoginBudgetSpent(
      candidate, RetryAfter(until, now, random_),
      absl::StrCat("the caller that asked first for ", NameOf(candidate),
                   " has used its share of the sign-ins that BILL allows the devKey in an hour, "
                   "and other callers wait; ask again after the time to wait"));
}

}  // namespace billbroker
