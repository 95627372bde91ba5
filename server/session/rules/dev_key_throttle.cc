#include "server/session/rules/dev_key_throttle.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "server/session/rules/retry_time.h"
#include "server/session/rules/rule_errors.h"
#include "server/session/sign_in_outcome.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

constexpr absl::Duration kFirst = absl::Seconds(1);
constexpr absl::Duration kLongest = absl::Minutes(1);

}  // namespace

RuleAnswer DevKeyThrottle::Check(const SignInCandidate& candidate, absl::Duration now) {
  const auto found = dev_keys_.find(candidate.dev_key);
  if (found == dev_keys_.end()) return RuleAnswer::Go();
  const Throttled& throttled = found->second;
  if (now < throttled.until) {
    return RuleAnswer::WaitUntil(throttled.until, RuleAnswer::Blocks::kDevKey);
  }
  return throttled.under_way > 0 ? RuleAnswer::WaitForAnother(RuleAnswer::Blocks::kDevKey)
                                 : RuleAnswer::Go();
}

absl::Status DevKeyThrottle::Explain(const SignInCandidate& candidate, absl::Duration now) {
  const auto found = dev_keys_.find(candidate.dev_key);
  const absl::Duration until = found == dev_keys_.end() ? now : found->second.until;
  return MakeError(
      {Reason::kBillUnavailable,
       RetryAfter(std::max(until, now), now, random_),
       {{"organization_id", candidate.slot.organization_id},
        {"credential", candidate.credential->name}}},
      absl::StrCat(
          "BILL limits the calls of this devKey (HTTP 429), so that the broker waits before "
          "the next sign-in of ",
          NameOf(candidate), "; ask again after the time to wait"));
}

void DevKeyThrottle::Started(const SignInCandidate& candidate, absl::Duration /*now*/) {
  const auto found = dev_keys_.find(candidate.dev_key);
  if (found != dev_keys_.end()) ++found->second.under_way;
}

void DevKeyThrottle::Released(const SignInCandidate& candidate, absl::Duration /*now*/) {
  const auto found = dev_keys_.find(candidate.dev_key);
  if (found != dev_keys_.end()) found->second.under_way = std::max(found->second.under_way - 1, 0);
}

void DevKeyThrottle::Ended(const SignInCandidate& candidate, const SignInOutcome& outcome,
                           absl::Duration now) {
  Released(candidate, now);
  if (outcome.judged) {
    dev_keys_.erase(candidate.dev_key);
  } else if (outcome.throttled) {
    Throttled& throttled = dev_keys_[candidate.dev_key];
    if (now < throttled.until) return;  // it started before the first such answer
    const double doubled = std::exp2(std::min(throttled.in_a_row++, 6));
    throttled.until = now + RetryAfter(now + std::min(kFirst * doubled, kLongest), now, random_);
  }
}

}  // namespace billbroker
