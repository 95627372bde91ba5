// Why the engine does not sign in, until when, and what it makes of BILL's refusals.
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/session/engine.h"
#include "server/session/later.h"
#include "server/session/pair_errors.h"

namespace billbroker {
absl::Status Engine::BackingOff(const Pair& pair, absl::Duration now) const {
  ErrorDetails details = *DetailsOf(pair.last_error);
  details.retry_after = pair.not_before - now;
  return MakeError(std::move(details), pair.last_error.message());
}

absl::Status Engine::TooManyFailures(const Pair& pair, absl::string_view user, absl::Duration now) {
  return UserFailedTooOften(pair, options_.max_failed_sign_ins_per_hour,
                            gate_.RetryAfter(user, now));
}

absl::Status Engine::Obstacle(const Pair& pair, bool forced, absl::Duration now) const {
  if (pair.removed) return Removed(pair);
  const VaultState vault = parts_.directory.vault_state();
  // Each try would hold a thread for as long as the vault is silent; VaultSync notices when it
  // answers again.
  if (vault == VaultState::kTimedOut) return VaultError(vault);
  if (!restored_) return VaultError(vault == VaultState::kReady ? VaultState::kUnknown : vault);
  if (forced) return absl::OkStatus();
  if (now < pair.not_before) return BackingOff(pair, now);
  const auto partner = partners_.find(PartnerOf(pair));
  if (partner != partners_.end() && now < partner->second->pair.not_before) {
    return BackingOff(partner->second->pair, now);
  }
  const absl::optional<QuarantineEntry> entry =
      quarantine_.Find(*pair.credential, pair.organization_id, now);
  if (!entry.has_value()) return absl::OkStatus();
  return QuarantineError(*entry, *pair.credential, pair.organization_id);
}

absl::Duration Engine::TurnOf(const Pair& pair, absl::Duration now) {
  absl::Duration turn = std::max(governor_.TurnOf(pair.key, now), ParkedUntil(pair));
  const Partner* partner = FindPartner(PartnerOf(pair));
  if (partner != nullptr && governor_.Find(partner->pair.key) != nullptr) {
    turn = std::max(turn, governor_.TurnOf(partner->pair.key, now));
  }
  return turn;
}

absl::Duration Engine::ParkedUntil(const Pair& pair) const {
  const absl::Duration parked =
      governor_.ParkedUntil(DevKeyKeyOf(*pair.credential, pair.organization_id));
  if (PartnerOf(pair).empty()) return parked;
  return std::max(parked, governor_.ParkedUntil(AppKeyKeyOf(*pair.credential)));
}

void Engine::RefuseImpatient(Pair& pair, Later& later) {
  const absl::Duration now = parts_.clock.SinceBoot();
  const absl::Duration turn = TurnOf(pair, now);
  const bool parked = ParkedUntil(pair) >= turn;
  std::vector<Waiter> patient;
  bool refused = false;
  for (Waiter& waiter : std::exchange(pair.waiters, {})) {
    if (turn <= waiter.gives_up) {
      patient.push_back(std::move(waiter));
      continue;
    }
    refused = true;
    later.Add([done = std::move(waiter.done),
               error = parked ? RateLimited(pair, turn - now)
                              : BudgetSpent(pair, turn - now)]() mutable { done(error); });
  }
  pair.waiters = std::move(patient);
  if (refused) Save(pair);  // its place was promised
}

absl::Status Engine::Judge(Pair& pair, const Attempt& attempt, const BillError& error) {
  const CredentialInfo& credential = *attempt.credential;
  const absl::Duration since_boot = parts_.clock.SinceBoot();
  const absl::optional<QuarantineRecord> record = quarantine_.Add(
      credential, pair.organization_id, attempt.step, error, parts_.clock.Now(), since_boot);
  if (record.has_value()) {
    ++failed_sign_ins_;
    parts_.store.WriteSoon(*record);
    return QuarantineError(record->entry, credential, pair.organization_id);
  }
  switch (error.verdict) {
    case Verdict::kUntrusted:
    case Verdict::kMfaFailed:
      ++failed_sign_ins_;
      return BackOff(pair, Reason::kMfaRequired, error, options_.longest_backoff);
    case Verdict::kRefused:
      ++failed_sign_ins_;
      return BackOff(pair, Reason::kBillUnavailable, error, options_.longest_backoff);
    case Verdict::kSessionInvalid:  // of the partner, who signs others in with it
      return BackOff(pair, Reason::kSessionUnstable, error, options_.longest_backoff);
    default:
      return BackOff(pair, Reason::kBillUnavailable, error, absl::ZeroDuration());
  }
}

absl::Status Engine::Park(const Pair& pair, const std::string& dev_key, const BillError& error,
                          Later& later) {
  const absl::Duration wait =
      std::max(RateLimitWait(error, parts_.clock.Now()), options_.first_backoff);
  governor_.Park(dev_key, parts_.clock.SinceBoot() + wait);
  for (const Key& queued : governor_.QueuedOn(dev_key)) {
    Pair* waiting = FindPair(queued);
    if (waiting != nullptr) {
      RefuseImpatient(*waiting, later);
    } else {
      RefuseImpatientProbe(queued, later);
    }
  }
  return RateLimited(pair, wait);
}

absl::Status Engine::BackOff(Pair& pair, Reason reason, const BillError& error,
                             absl::Duration at_least) {
  constexpr int kEnoughDoublings = 20;
  const double doubled = std::exp2(std::min(pair.failures++, kEnoughDoublings));
  const absl::Duration full = std::min(options_.first_backoff * doubled, options_.longest_backoff);
  const absl::Duration wait = std::max({full * (0.5 + parts_.random.Uniform() / 2), at_least,
                                        error.retry_after.value_or(absl::ZeroDuration())});
  pair.not_before = parts_.clock.SinceBoot() + wait;
  ErrorDetails details{
      reason,
      wait,
      {{"organization_id", pair.organization_id}, {"credential", pair.credential->name}}};
  if (!error.code.empty()) details.metadata.emplace("bill_code", error.code);
  const std::string whose =
      pair.organization_id.empty()
          ? absl::StrCat("of the partner of credential \"", pair.credential->name)
          : absl::StrCat("of organization \"", pair.organization_id);
  const absl::string_view advice = MfaAdvice(error.code);
  pair.last_error = MakeError(
      std::move(details),
      absl::StrCat(
          "no session ", whose, "\" from BILL: ", error.detail, "; ",
          advice.empty() ? "the broker tries again when asked after the time to wait" : advice));
  return pair.last_error;
}

}  // namespace billbroker
