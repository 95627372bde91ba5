// SlotCap: a slot that signs in again and again does not spend the devKey's budget.
//
// Another program may end every session of an organization soon after its sign-in, or BILL may fail
// every sign-in (5xx). Each slot has a bucket of 6 sign-ins that refills one each 10 minutes. If it
// is empty, callers receive the time of the next sign-in, and the possible causes. Proofs and an
// admin's force pass and take nothing out of the bucket; an operator's force does not pass.
#pragma once

#include <cstddef>

#include "absl/container/flat_hash_map.h"
#include "server/session/sign_in_rule.h"
#include "vault/base/random.h"

namespace billbroker {

struct SlotCapOptions {
  int sign_ins = 6;                           // in a full bucket, above 0
  absl::Duration refill = absl::Minutes(10);  // for one sign-in
};

class SlotCap final : public SignInRule {
 public:
  SlotCap(SlotCapOptions options, Random& random) : options_(options), random_(random) {}

  [[nodiscard]] RuleAnswer Check(const SignInCandidate& candidate, absl::Duration now) override;
  [[nodiscard]] absl::Status Explain(const SignInCandidate& candidate, absl::Duration now) override;
  void Started(const SignInCandidate& candidate, absl::Duration now) override;
  void Released(const SignInCandidate& candidate, absl::Duration now) override;
  // Gives the sign-in back if it is not charged.
  void Ended(const SignInCandidate& candidate, const SignInOutcome& outcome,
             absl::Duration now) override;

  // Returns true if the cap does not apply to the sign-in: a proof, or an admin's force.
  [[nodiscard]] static bool IsPassedBy(const SignInCandidate& candidate);

  // Adds a sign-in of before a restart to which the cap applied, and which began at `started`. Call
  // it with the oldest first.
  void Restore(const SlotId& slot, absl::Duration started);

 private:
  // Returns the time from which the slot may sign in.
  [[nodiscard]] absl::Duration NextAt(const SlotId& slot) const;
  void Take(const SlotId& slot, absl::Duration now);
  void ForgetFullBuckets(absl::Duration now);

  SlotCapOptions options_;
  Random& random_;
  // When the bucket is full again, by the hash of the slot id. The id is ten times as large. If two
  // slots had the same hash, they would share a bucket.
  absl::flat_hash_map<std::size_t, absl::Duration> full_at_;
  std::size_t most_buckets_ = 1024;  // then full ones are forgotten
};

}  // namespace billbroker
