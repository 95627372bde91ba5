// PartnerFirst: an API partner signs in itself before it signs in as a user. The rule collects the
// partners that have to sign in.
#pragma once

#include <map>
#include <vector>

#include "server/session/partner_table.h"
#include "server/session/rules/dev_key_budget.h"
#include "server/session/sign_in_rule.h"

namespace billbroker {

class PartnerFirst final : public SignInRule {
 public:
  // `partners` and `budget` are borrowed.
  PartnerFirst(PartnerTable& partners, DevKeyBudget& budget)
      : partners_(partners), budget_(budget) {}

  // Waits until the partner has a session, and while its appKey is suspended.
  [[nodiscard]] RuleAnswer Check(const SignInCandidate& candidate, absl::Duration now) override;
  [[nodiscard]] absl::Status Explain(const SignInCandidate& candidate, absl::Duration now) override;

  // Returns, for each partner without a session that Check() was called for since the last call,
  // the candidate that was asked about first.
  [[nodiscard]] std::vector<SignInCandidate> TakeWanted();

 private:
  PartnerTable& partners_;
  DevKeyBudget& budget_;
  std::map<PartnerId, SignInCandidate> wanted_;
};

}  // namespace billbroker
