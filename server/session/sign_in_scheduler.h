// SignInScheduler: decides who may sign in now. It holds the queue and asks an ordered list of
// rules, and has no policy of its own.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/session/ids.h"
#include "server/session/rules/dev_key_budget.h"
#include "server/session/sign_in_queue.h"
#include "server/session/sign_in_rule.h"

namespace billbroker {

// Not thread-safe: guarded by SessionManager. All times are Clock::SinceBoot().
class SignInScheduler final {
 public:
  // A candidate whose turn came: it left the queue.
  struct Due {
    SignInQueue::Entry entry;
    // OK: the sign-in starts and has to end with Released() or Ended(). Else a rule refuses it.
    absl::Status refusal;
  };

  // When a queued sign-in is expected to start, at the latest, and the error for a caller that does
  // not wait as long.
  struct Estimate {
    absl::Duration start;
    absl::Status explanation;
  };

  // The rules, in the order in which they are asked, are borrowed. `budget` is one of them.
  SignInScheduler(std::vector<SignInRule*> rules, DevKeyBudget& budget)
      : rules_(std::move(rules)), budget_(budget) {}

  // Returns the error of the first rule that refuses the candidate; OK if none does.
  [[nodiscard]] absl::Status CheckAllowed(const SignInCandidate& candidate, absl::Duration now);

  [[nodiscard]] const SignInQueue& queue() const { return queue_; }

  // See SignInQueue::Put().
  void Enqueue(const CandidateId& id, SignInCandidate candidate, absl::Duration now,
               std::uint64_t place = 0);
  // Notes that a caller received the retry time `retry`: the place is kept for a minute longer.
  // Ignored if `id` is not queued.
  void Promise(const CandidateId& id, absl::Duration retry);
  // Ends the wait for an entry that no caller waits for any longer: it becomes a claim if a caller
  // received a retry time, else it leaves the queue. Ignored if `id` is not queued.
  void StopWaiting(const CandidateId& id, absl::Duration now);
  // Removes an entry that is given up. Ignored if `id` is not queued.
  void Withdraw(const CandidateId& id, absl::Duration now);
  // See SignInQueue::TakeExpiredClaims().
  std::vector<CandidateId> TakeExpiredClaims(absl::Duration now) {
    return queue_.TakeExpiredClaims(now);
  }

  // Removes the next candidate whose turn has come from the queue; nullopt if none has.
  [[nodiscard]] absl::optional<Due> Next(absl::Duration now);
  // Returns when Next() may return another candidate although nothing ended; infinite: never.
  // Valid after Next() returned nullopt.
  [[nodiscard]] absl::Duration wake_time() const { return wake_time_; }

  // Notifies the rules that a sign-in was not sent.
  void Released(const SignInCandidate& candidate, absl::Duration now);
  // Notifies the rules of the outcome of a sign-in that was sent.
  void Ended(const SignInCandidate& candidate, const SignInOutcome& outcome, absl::Duration now);

  // Requires: `id` is queued.
  [[nodiscard]] Estimate EstimateStart(const CandidateId& id, absl::Duration now);

 private:
  // Notifies the rules that the entry is active in the queue.
  void Join(const CandidateId& id, absl::Duration now);
  // Notifies the rules that the entry leaves the queue. Claims have left it before.
  void Leave(const CandidateId& id, absl::Duration now);
  // Returns the first rule that does not answer "go", with its answer; null if all do.
  SignInRule* FirstObjection(const SignInCandidate& candidate, absl::Duration now,
                             RuleAnswer& answer);

  const std::vector<SignInRule*> rules_;
  DevKeyBudget& budget_;
  SignInQueue queue_;
  absl::Duration wake_time_ = absl::InfiniteDuration();
};

}  // namespace billbroker
