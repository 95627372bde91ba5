// QuarantineRule: a sign-in that BILL refused for good is not sent again until something changed.
//
// The outcome of a sign-in decides whether it is quarantined, and how widely: never wider than its
// evidence. For example, a devKey that has worked is not quarantined because one organization is
// refused; only that organization is, on that devKey. A forced sign-in passes.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/types/optional.h"
#include "server/bill/bill_error.h"
#include "server/session/quarantine.h"
#include "server/session/sign_in_rule.h"

namespace billbroker {

class QuarantineRule final : public SignInRule {
 public:
  explicit QuarantineRule(absl::Duration lockout_cooldown) : quarantine_(lockout_cooldown) {}

  // Refuses a quarantined candidate, unless it is forced.
  [[nodiscard]] RuleAnswer Check(const SignInCandidate& candidate, absl::Duration now) override;
  [[nodiscard]] absl::Status Explain(const SignInCandidate& candidate, absl::Duration now) override;

  // Records the refusal of a sign-in with its evidence, and returns the record for the store;
  // nullopt if the outcome quarantines nothing. `wall` is the wall clock.
  absl::optional<QuarantineRecord> Record(const SignInCandidate& candidate,
                                          const SignInOutcome& outcome, const BillError& error,
                                          const SignInHistory& history, absl::Time wall,
                                          absl::Duration now);

  // Forgets the entries that BILL disproved by accepting this sign-in; returns their scopes.
  std::vector<std::string> Lift(const SignInCandidate& candidate);

  // Adds an entry that was recorded before a restart.
  void Restore(QuarantineRecord record) { quarantine_.Restore(std::move(record)); }

  [[nodiscard]] const Quarantine& quarantine() const { return quarantine_; }

 private:
  Quarantine quarantine_;
};

}  // namespace billbroker
