// DevKeyThrottle: sign-ins of a devKey slow down while BILL, or a gateway, answers HTTP 429 without
// a code.
//
// Without it each slot would back off by itself, and a hundred slots would spend the hour of their
// devKey within the seconds that a gateway limits calls. After such an answer, one sign-in of the
// devKey goes out at a time, after 1, 2, 4 ... 60 s, until another answer comes.
#pragma once

#include "absl/container/flat_hash_map.h"
#include "server/session/sign_in_rule.h"
#include "vault/base/random.h"

namespace billbroker {

class DevKeyThrottle final : public SignInRule {
 public:
  explicit DevKeyThrottle(Random& random) : random_(random) {}

  [[nodiscard]] RuleAnswer Check(const SignInCandidate& candidate, absl::Duration now) override;
  // Returns BILL_UNAVAILABLE with the time of the next sign-in.
  [[nodiscard]] absl::Status Explain(const SignInCandidate& candidate, absl::Duration now) override;
  void Started(const SignInCandidate& candidate, absl::Duration now) override;
  void Released(const SignInCandidate& candidate, absl::Duration now) override;
  // Slows down if `outcome.throttled`, and ends that if BILL accepted or refused the sign-in.
  void Ended(const SignInCandidate& candidate, const SignInOutcome& outcome,
             absl::Duration now) override;

 private:
  struct Throttled {
    int in_a_row = 0;  // answers of 429
    absl::Duration until;
    int under_way = 0;  // sign-ins that started since the first of them
  };

  Random& random_;
  absl::flat_hash_map<DevKeyBudgetId, Throttled> dev_keys_;  // that are throttled
};

}  // namespace billbroker
