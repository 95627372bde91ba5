// FairShare: no principal spends the sign-ins of a devKey that others wait for.
//
// A principal may take a sign-in while it used less than its share in the last hour, or while no
// other principal waits. The share is the devKey's limit divided by the number of active
// principals, that is, principals that started or waited for a sign-in of the devKey in the last
// hour. So a single caller may use the whole limit, and gives way as soon as a second one comes.
//
// The caller that started a sign-in is charged for it, or the principal of the warm watch. Nobody
// is charged for keep-alive, replacement and pre-warming. Proofs are charged and never held up.
#pragma once

#include <set>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "server/session/rules/dev_key_limits.h"
#include "server/session/rules/past_hour.h"
#include "server/session/sign_in_rule.h"
#include "vault/base/random.h"

namespace billbroker {

class FairShare final : public SignInRule {
 public:
  FairShare(DevKeyLimits limits, Random& random) : limits_(std::move(limits)), random_(random) {}

  // Counts a call of the principal that waits for a sign-in of the devKey, until StopsWaiting().
  // Watches and claims are not calls. An empty principal is ignored.
  void Waits(const DevKeyBudgetId& dev_key, absl::string_view principal, absl::Duration now);
  void StopsWaiting(const DevKeyBudgetId& dev_key, absl::string_view principal, absl::Duration now);

  // Returns true if the principal used less than its share. True for an empty one.
  [[nodiscard]] bool IsBelowShare(const DevKeyBudgetId& dev_key, absl::string_view principal,
                                  absl::Duration now);

  // Adds a sign-in of before a restart, which ended at `ended`.
  void Restore(const DevKeyBudgetId& dev_key, absl::string_view principal, absl::Duration ended);

  [[nodiscard]] RuleAnswer Check(const SignInCandidate& candidate, absl::Duration now) override;
  [[nodiscard]] absl::Status Explain(const SignInCandidate& candidate, absl::Duration now) override;
  // Counts a candidate with a caller as a call that waits.
  void Joined(const SignInCandidate& candidate, absl::Duration now) override;
  void Left(const SignInCandidate& candidate, absl::Duration now) override;
  void Started(const SignInCandidate& candidate, absl::Duration now) override;
  void Released(const SignInCandidate& candidate, absl::Duration now) override;
  void Ended(const SignInCandidate& candidate, const SignInOutcome& outcome,
             absl::Duration now) override;

 private:
  struct Principal {
    PastHour ended;  // its sign-ins of the past hour
    int under_way = 0;
    int waiting = 0;  // calls
    absl::Duration last_active = -absl::InfiniteDuration();
    absl::Duration active_until = -absl::InfiniteDuration();  // infinite while it has work
  };
  struct DevKey {
    absl::flat_hash_map<std::string, Principal> principals;    // the active ones
    std::set<std::pair<absl::Duration, std::string>> expires;  // their ends of activity
    int waiting = 0;                                           // principals with a waiting call
  };

  DevKey& DevKeyOf(const DevKeyBudgetId& id, absl::Duration now);
  // Changes a principal and marks it active at `now`.
  template <typename Change>
  static void Update(DevKey& dev_key, absl::string_view name, absl::Duration now, Change change);
  // Returns by how many sign-ins the principal has reached or passed its share; 0 or less: it is
  // below.
  [[nodiscard]] int Excess(const DevKeyBudgetId& id, DevKey& dev_key, absl::string_view name,
                           absl::Duration now) const;

  DevKeyLimits limits_;
  Random& random_;
  absl::flat_hash_map<DevKeyBudgetId, DevKey> dev_keys_;
};

}  // namespace billbroker
