// SlotBackoffs: which slots may not sign in yet, because their last attempt failed in a way that
// may pass.
//
// There are two kinds of back-off. A transient one, after an answer such as 503, doubles from a
// second to a minute. A growing one, for a slot that is refused, unstable or needs MFA, doubles
// from a minute to an hour: a person has to act, and each try spends a sign-in of the devKey.
// BILL's Retry-After is respected by both. An accepted sign-in ends a transient back-off. A growing
// one starts again at a minute only after Clear(), or after an hour without such a failure, because
// BILL does accept the sign-ins of an unstable slot.
#pragma once

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "server/bill/bill_error.h"
#include "server/session/sign_in_rule.h"
#include "vault/base/error.h"
#include "vault/base/random.h"

namespace billbroker {

struct BackoffOptions {
  absl::Duration first = absl::Seconds(1);    // of a transient back-off
  absl::Duration longest = absl::Minutes(1);  // of a transient one; the first of a growing one
  absl::Duration longest_growing = absl::Hours(1);
};

class SlotBackoffs final : public SignInRule {
 public:
  SlotBackoffs(BackoffOptions options, Random& random) : options_(options), random_(random) {}

  // Starts the next back-off of the slot, which is longer than the one before. `error` is made by
  // MakeError(); callers receive it until the end of the back-off. Returns it with the time to
  // wait. `kind` is not kNone.
  absl::Status BackOff(const SlotId& slot, SlotBackoff kind, const absl::Status& error,
                       absl::optional<absl::Duration> retry_after, absl::Duration now);

  // Ends the back-off of the slot at once, and its growth: its credential changed, an MFA challenge
  // was passed, it was attached, forced, taken out of quarantine, or BILL confirmed its session.
  void Clear(const SlotId& slot) { slots_.erase(slot); }

  // Returns the error for callers while the slot backs off, with the time to wait.
  [[nodiscard]] absl::optional<absl::Status> Find(const SlotId& slot, absl::Duration now);
  // Returns the end of the back-off; in the past if the slot does not back off.
  [[nodiscard]] absl::Duration NotBefore(const SlotId& slot) const;

  // Refuses the slots that back off, unless the candidate is forced. A forced start ends the
  // back-off.
  [[nodiscard]] RuleAnswer Check(const SignInCandidate& candidate, absl::Duration now) override;
  [[nodiscard]] absl::Status Explain(const SignInCandidate& candidate, absl::Duration now) override;
  void Started(const SignInCandidate& candidate, absl::Duration now) override;
  void Ended(const SignInCandidate& candidate, const SignInOutcome& outcome,
             absl::Duration now) override;

 private:
  struct Slot {
    int transient = 0;  // failures in a row
    int growing = 0;    // likewise
    absl::Duration not_before = -absl::InfiniteDuration();
    absl::Duration grown_at = -absl::InfiniteDuration();  // end of the last growing back-off
    absl::Status error;
  };

  // Returns the length of the next back-off.
  [[nodiscard]] absl::Duration NextWait(Slot& slot, SlotBackoff kind, absl::Duration now);

  BackoffOptions options_;
  Random& random_;
  absl::flat_hash_map<SlotId, Slot> slots_;
};

// Returns the error of a sign-in that failed: names the organization (empty: a partner's own
// sign-in) or the credential, the cause, and the remedy of an MFA error.
[[nodiscard]] absl::Status SignInFailed(absl::string_view organization_id,
                                        absl::string_view credential, Reason reason,
                                        const BillError& error);

}  // namespace billbroker
