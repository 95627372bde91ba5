#include "server/session/rules/slot_cap.h"

#include <algorithm>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "server/session/rules/retry_time.h"
#include "server/session/rules/rule_errors.h"

namespace billbroker {

bool SlotCap::IsPassedBy(const SignInCandidate& candidate) {
  return candidate.purpose == SignInPurpose::kProof || candidate.force == SignInForce::kAdmin;
}

// The bucket has a whole sign-in if it is full again within the time that refills the others.
absl::Duration SlotCap::NextAt(const SlotId& slot) const {
  const auto found = full_at_.find(absl::HashOf(slot.view()));
  if (found == full_at_.end()) return -absl::InfiniteDuration();
  return found->second - (options_.sign_ins - 1) * options_.refill;
}

void SlotCap::Take(const SlotId& slot, absl::Duration now) {
  if (full_at_.size() >= most_buckets_) ForgetFullBuckets(now);
  absl::Duration& full_at = full_at_.try_emplace(absl::HashOf(slot.view()), now).first->second;
  full_at = std::max(full_at, now) + options_.refill;
}

void SlotCap::ForgetFullBuckets(absl::Duration now) {
  absl::erase_if(full_at_, [now](const auto& bucket) { return bucket.second <= now; });
  // The next time only after as many buckets are added as were left, so that each costs O(1).
  most_buckets_ = std::max(2 * full_at_.size(), most_buckets_);
}

RuleAnswer SlotCap::Check(const SignInCandidate& candidate, absl::Duration now) {
  if (IsPassedBy(candidate)) return RuleAnswer::Go();
  const absl::Duration next = NextAt(candidate.slot);
  return next <= now ? RuleAnswer::Go() : RuleAnswer::WaitUntil(next, RuleAnswer::Blocks::kThisOne);
}

absl::Status SlotCap::Explain(const SignInCandidate& candidate, absl::Duration now) {
  return LoginBudgetSpent(
      candidate, RetryAfter(NextAt(candidate.slot), now, random_),
      absl::StrCat(
          NameOf(candidate), " has used its ", options_.sign_ins,
          " sign-ins and gets another one each ", absl::FormatDuration(options_.refill),
          ": its sessions keep being ended, its sign-ins keep failing, or they are forced; find "
          "the cause in the audit log, and ask again after the time to wait"));
}

void SlotCap::Started(const SignInCandidate& candidate, absl::Duration now) {
  if (!IsPassedBy(candidate)) Take(candidate.slot, now);
}

void SlotCap::Released(const SignInCandidate& candidate, absl::Duration /*now*/) {
  if (IsPassedBy(candidate)) return;
  const auto found = full_at_.find(absl::HashOf(candidate.slot.view()));
  if (found != full_at_.end()) found->second -= options_.refill;
}

void SlotCap::Ended(const SignInCandidate& candidate, const SignInOutcome& outcome,
                    absl::Duration now) {
  if (!outcome.charged) Released(candidate, now);
}

void SlotCap::Restore(const SlotId& slot, absl::Duration started) { Take(slot, started); }

}  // namespace billbroker
