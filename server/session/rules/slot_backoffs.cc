#include "server/session/rules/slot_backoffs.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/session/rules/retry_time.h"

namespace billbroker {
namespace {

constexpr double kNarrowestGrowingWait = 0.8;  // of the full one

// Returns `first` doubled `times` times, at most `longest`.
absl::Duration Doubled(absl::Duration first, int times, absl::Duration longest) {
  constexpr int kEnoughDoublings = 20;
  return std::min(first * std::exp2(std::min(times, kEnoughDoublings)), longest);
}

}  // namespace

absl::Duration SlotBackoffs::NextWait(Slot& slot, SlotBackoff kind, absl::Duration now) {
  if (kind == SlotBackoff::kTransient) {
    const absl::Duration full = Doubled(options_.first, slot.transient++, options_.longest);
    return full * (0.5 + random_.Uniform() / 2);
  }
  if (slot.grown_at + options_.longest_growing <= now) slot.growing = 0;
  const absl::Duration full = Doubled(options_.longest, slot.growing++, options_.longest_growing);
  const double part = kNarrowestGrowingWait + random_.Uniform() * (1 - kNarrowestGrowingWait);
  return std::max(full * part, options_.longest);
}

absl::Status SlotBackoffs::BackOff(const SlotId& id, SlotBackoff kind, const absl::Status& error,
                                   absl::optional<absl::Duration> retry_after, absl::Duration now) {
  Slot& slot = slots_[id];
  const absl::Duration wait =
      std::max(NextWait(slot, kind, now), retry_after.value_or(absl::ZeroDuration()));
  slot.not_before = now + wait;
  if (kind == SlotBackoff::kGrowing) slot.grown_at = slot.not_before;
  slot.error = error;
  return Find(id, now).value_or(error);
}

absl::optional<absl::Status> SlotBackoffs::Find(const SlotId& id, absl::Duration now) {
  const auto found = slots_.find(id);
  if (found == slots_.end() || found->second.not_before <= now) return absl::nullopt;
  const Slot& slot = found->second;
  absl::optional<ErrorDetails> details = DetailsOf(slot.error);
  if (!details.has_value()) return slot.error;
  details->retry_after = RetryAfter(slot.not_before, now, random_);
  return MakeError(*std::move(details), slot.error.message());
}

absl::Duration SlotBackoffs::NotBefore(const SlotId& id) const {
  const auto found = slots_.find(id);
  return found == slots_.end() ? -absl::InfiniteDuration() : found->second.not_before;
}

RuleAnswer SlotBackoffs::Check(const SignInCandidate& candidate, absl::Duration now) {
  if (candidate.force != SignInForce::kNone) return RuleAnswer::Go();
  return now < NotBefore(candidate.slot) ? RuleAnswer::Refuse() : RuleAnswer::Go();
}

absl::Status SlotBackoffs::Explain(const SignInCandidate& candidate, absl::Duration now) {
  return Find(candidate.slot, now).value();  // as Check() refused it at this time
}

void SlotBackoffs::Started(const SignInCandidate& candidate, absl::Duration /*now*/) {
  if (candidate.force != SignInForce::kNone) Clear(candidate.slot);
}

void SlotBackoffs::Ended(const SignInCandidate& candidate, const SignInOutcome& outcome,
                         absl::Duration /*now*/) {
  if (outcome.proof != SecretProof::kGained) return;
  const auto found = slots_.find(candidate.slot);
  if (found == slots_.end()) return;
  if (found->second.growing == 0) {
    slots_.erase(found);
    return;
  }
  found->second.transient = 0;
  found->second.not_before = -absl::InfiniteDuration();
}

absl::Status SignInFailed(absl::string_view organization_id, absl::string_view credential,
                          Reason reason, const BillError& error) {
  ErrorDetails details{
      reason,
      absl::nullopt,
      {{"organization_id", std::string(organization_id)}, {"credential", std::string(credential)}}};
  if (!error.code.empty()) details.metadata.emplace("bill_code", error.code);
  const std::string whose = organization_id.empty()
                                ? absl::StrCat("of the partner of credential \"", credential)
                                : absl::StrCat("of organization \"", organization_id);
  const absl::string_view advice = MfaAdvice(error.code);
  return MakeError(
      std::move(details),
      absl::StrCat(
          "no session ", whose, "\" from BILL: ", error.detail, "; ",
          advice.empty() ? "the broker tries again when asked after the time to wait" : advice));
}

}  // namespace billbroker
