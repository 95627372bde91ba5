#include "server/session/rules/quarantine_rule.h"

namespace billbroker {

RuleAnswer QuarantineRule::Check(const SignInCandidate& candidate, absl::Duration now) {
  if (candidate.force != SignInForce::kNone) return RuleAnswer::Go();
  return quarantine_.Find(*candidate.credential, candidate.slot.organization_id, now).has_value()
             ? RuleAnswer::Refuse()
             : RuleAnswer::Go();
}

absl::Status QuarantineRule::Explain(const SignInCandidate& candidate, absl::Duration now) {
  const std::string& organization_id = candidate.slot.organization_id;
  // There is an entry, as Check() refused the candidate at this time.
  return QuarantineError(quarantine_.Find(*candidate.credential, organization_id, now).value(),
                         *candidate.credential, organization_id);
}

absl::optional<QuarantineRecord> QuarantineRule::Record(const SignInCandidate& candidate,
                                                        const SignInOutcome& outcome,
                                                        const BillError& error,
                                                        const SignInHistory& history,
                                                        absl::Time wall, absl::Duration now) {
  return quarantine_.Add(*candidate.credential, candidate.slot.organization_id,
                         {candidate.step, outcome.quarantine, error.code, history}, wall, now);
}

std::vector<std::string> QuarantineRule::Lift(const SignInCandidate& candidate) {
  return quarantine_.Lift(*candidate.credential, candidate.slot.organization_id, candidate.step);
}

}  // namespace billbroker
