#include "server/session/rules/partner_first.h"

#include <utility>

#include "server/session/session_slot.h"

namespace billbroker {

RuleAnswer PartnerFirst::Check(const SignInCandidate& candidate, absl::Duration now) {
  if (!candidate.partner.has_value()) return RuleAnswer::Go();
  const bool live = partners_.FindLiveSession(*candidate.partner, now) != nullptr;
  if (!live) wanted_.emplace(*candidate.partner, candidate);
  // BDC_1144 does not name the budget that is exhausted: the devKey's or the appKey's.
  const absl::Duration suspended = budget_.SuspendedUntil(ToAppKeyBudgetId(*candidate.credential));
  if (suspended > now) return RuleAnswer::WaitUntil(suspended, RuleAnswer::Blocks::kThisOne);
  return live ? RuleAnswer::Go() : RuleAnswer::WaitForAnother(RuleAnswer::Blocks::kThisOne);
}

absl::Status PartnerFirst::Explain(const SignInCandidate& candidate, absl::Duration now) {
  SignInCandidate partner = candidate;
  partner.dev_key = ToAppKeyBudgetId(*candidate.credential);
  return budget_.Explain(partner, now);
}

std::vector<SignInCandidate> PartnerFirst::TakeWanted() {
  std::vector<SignInCandidate> wanted;
  for (auto& [id, candidate] : std::exchange(wanted_, {})) wanted.push_back(std::move(candidate));
  return wanted;
}

}  // namespace billbroker
