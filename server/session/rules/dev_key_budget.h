// DevKeyBudget: the ledger of the sign-ins that BILL allows a devKey in an hour.
//
// BILL allows 200 sign-ins per devKey and hour, for all programs that use it. The budget counts the
// sign-ins of the past hour and those under way, and stays below that limit, or below the share of
// it that is configured. A reserve (10 %, at least 2) is closed to warm watches, to pre-warming and
// to principals that used their fair share, so that another caller finds the devKey usable. A fifth
// of the reserve, at least 1, is for proofs alone: a rotation must not wait behind all callers.
//
// If BILL answers BDC_1144, the limit is spent, by this broker or by others. All sign-ins of the
// devKey are then suspended and keep their places in the queue. If this is the answer to a check,
// callers' checks of the devKey's sessions are suspended too.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "server/session/rules/dev_key_limits.h"
#include "server/session/rules/fair_share.h"
#include "server/session/rules/past_hour.h"
#include "server/session/sign_in_rule.h"
#include "vault/base/random.h"

namespace billbroker {

// The state of one devKey's budget, for status and metrics.
struct DevKeyUse {
  DevKeyBudgetId dev_key;
  int limit = 0;
  int used = 0;    // sign-ins of the past hour and under way
  int queued = 0;  // slots that have a place in the queue, claims included
  absl::Duration suspended_until = -absl::InfiniteDuration();  // in the past: not suspended
};

// Returns how long BILL refuses the devKey's sign-ins after BDC_1144. That is `retry_after` if BILL
// sent it. Otherwise it is the rest of the clock hour, plus a margin with jitter, by BILL's own
// clock: `bill_time` is the header Date of its answer, or our wall clock if it sent none. In the
// first minute of an hour BILL may still count the hour before: then it is about a minute.
[[nodiscard]] absl::Duration SuspensionTime(absl::optional<absl::Duration> retry_after,
                                            absl::Time bill_time, Random& random);

class DevKeyBudget final : public SignInRule {
 public:
  // `shares` is borrowed.
  DevKeyBudget(DevKeyLimits limits, FairShare& shares, Random& random)
      : limits_(std::move(limits)), shares_(shares), random_(random) {}

  // Answers "wait" for all candidates of a suspended devKey, so that they keep their places.
  [[nodiscard]] RuleAnswer Check(const SignInCandidate& candidate, absl::Duration now) override;
  // Returns BILL_RATE_LIMITED if the devKey is suspended, else LOGIN_BUDGET_SPENT.
  [[nodiscard]] absl::Status Explain(const SignInCandidate& candidate, absl::Duration now) override;
  void Joined(const SignInCandidate& candidate, absl::Duration now) override;
  void Left(const SignInCandidate& candidate, absl::Duration now) override;
  void Started(const SignInCandidate& candidate, absl::Duration now) override;
  void Released(const SignInCandidate& candidate, absl::Duration now) override;
  void Ended(const SignInCandidate& candidate, const SignInOutcome& outcome,
             absl::Duration now) override;

  // Returns when a caller may start if `ahead` other callers start before it: not before `now`, and
  // not while the devKey is suspended.
  [[nodiscard]] absl::Duration TurnOf(const DevKeyBudgetId& dev_key, std::int64_t ahead,
                                      absl::Duration now);
  // Returns the error for a caller whose turn is at `turn`.
  [[nodiscard]] absl::Status ExplainTurn(const SignInCandidate& candidate, absl::Duration turn,
                                         absl::Duration now);

  // Suspends the devKey's sign-ins; an earlier suspension is never shortened.
  void Suspend(const DevKeyBudgetId& dev_key, absl::Duration until);
  // Suspends callers' checks of the devKey's sessions likewise.
  void SuspendChecks(const DevKeyBudgetId& dev_key, absl::Duration until);
  // Returns a time in the past if the devKey's sign-ins are not suspended.
  [[nodiscard]] absl::Duration SuspendedUntil(const DevKeyBudgetId& dev_key) const;
  // Returns a time in the past if callers' checks are not suspended.
  [[nodiscard]] absl::Duration ChecksSuspendedUntil(const DevKeyBudgetId& dev_key) const;

  // Adds a sign-in of before a restart, which ended at `ended`.
  void Restore(const DevKeyBudgetId& dev_key, absl::Duration ended);

  // Returns the devKeys that were used in the past hour, are suspended or have a queue, in order.
  // `count_queued` returns DevKeyUse::queued: the budget is not notified of claims.
  [[nodiscard]] std::vector<DevKeyUse> Uses(
      absl::Duration now, absl::FunctionRef<int(const DevKeyBudgetId&)> count_queued);

 private:
  struct DevKey {
    DevKeyLimit limit;
    PastHour ended;
    int under_way = 0;
    std::array<int, 4> queued = {};  // by SignInPurpose
    absl::Duration suspended_until = -absl::InfiniteDuration();
    absl::Duration checks_suspended_until = -absl::InfiniteDuration();
  };

  DevKey& DevKeyOf(const DevKeyBudgetId& id);
  static int& QueuedOf(DevKey& dev_key, SignInPurpose purpose);

  DevKeyLimits limits_;
  FairShare& shares_;
  Random& random_;
  absl::flat_hash_map<DevKeyBudgetId, DevKey> dev_keys_;
};

}  // namespace billbroker
