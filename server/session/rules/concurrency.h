// Concurrency: how many sign-ins run at once.
//
// At most 2 of a BILL user, so that a wrong secret is noticed before many organizations tried it;
// 16 of a devKey and 64 in all, so that BILL answers each quickly; and one of a devKey at one
// organization.
#pragma once

#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "server/session/sign_in_rule.h"
#include "vault/base/random.h"

namespace billbroker {

struct ConcurrencyOptions {
  int per_user = 2;
  int per_dev_key = 16;
  int all = 64;
};

class Concurrency final : public SignInRule {
 public:
  Concurrency(ConcurrencyOptions options, Random& random) : options_(options), random_(random) {}

  // Never refuses: a candidate waits until another sign-in ends.
  [[nodiscard]] RuleAnswer Check(const SignInCandidate& candidate, absl::Duration now) override;
  [[nodiscard]] absl::Status Explain(const SignInCandidate& candidate, absl::Duration now) override;
  void Started(const SignInCandidate& candidate, absl::Duration now) override;
  void Released(const SignInCandidate& candidate, absl::Duration now) override;
  void Ended(const SignInCandidate& candidate, const SignInOutcome& outcome,
             absl::Duration now) override;

  [[nodiscard]] int under_way() const { return under_way_; }

 private:
  // A devKey at an organization.
  struct Place {
    DevKeyBudgetId dev_key;
    std::string organization_id;

    friend bool operator==(const Place& a, const Place& b) {
      return a.dev_key == b.dev_key && a.organization_id == b.organization_id;
    }
    template <typename H>
    friend H AbslHashValue(H hash, const Place& place) {
      return H::combine(std::move(hash), place.dev_key, place.organization_id);
    }
  };

  [[nodiscard]] static Place PlaceOf(const SignInCandidate& candidate);

  ConcurrencyOptions options_;
  Random& random_;
  int under_way_ = 0;
  absl::flat_hash_map<UserId, int> by_user_;             // without users that have none under way
  absl::flat_hash_map<DevKeyBudgetId, int> by_dev_key_;  // likewise
  absl::flat_hash_set<Place> places_;
};

}  // namespace billbroker
