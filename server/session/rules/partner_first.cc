#include "server/session/rules/partner_first.h"

#include <utility>

#include "server/session/session_slot.h"

namespace billbroker {

RuleAnswer PartnerFirst::Check(const SignInCandidate& candidate, absl::Duration now) {
  if (!candidate.partner.has_value()) return RuleAnswer::Go();
  if (partners_.FindLiveSession(*candidate.partner, now) == nullptr) {
    wanted_.emplace(*candidate.partner, candidate);
    return RuleAnswer::WaitForAnother(RuleAnswer::Blocks::kThisOne);
  }
  // BDC_1144 does not name the budget that is exhausted: the devKey's or the appKey's.
  const absl::Duration suspended = budget_.SuspendedUntil(ToAppKeyBudgetId(*candidate.credential));
  if (suspended > now) return RuleAnswer::WaitUntil(suspended, RuleAnswer::Blocks::kThisOne);
  return RuleAnswer::Go();
}

absl::Status PartnerFirst::Explain(const SignInCandidate& candidate, absl::Duration now) {
  const absl::Duration suspended = budget_.SuspendedUntil(ToAppKeyBudgetId(*candidate.credential));
  return budget_.ExplainTurn(candidate, suspended > now ? suspended : now, now);
}

std::vector<SignInCandidate> PartnerFirst::TakeWanted() {
  std::vector<SignInCandidate> wanted;
  for (auto& [id, candidate] : std::exchange(wanted_, {})) wanted.push_back(std::move(candidate));
  return wanted;
}

}  // namespace billbroker
