// The reasons against a sign-in, and the handling of BILL's refusals.
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/session/later.h"
#include "server/session/session_manager.h"
#include "server/session/slot_errors.h"

namespace billbroker {
absl::Status SessionManager::BackingOff(const SessionSlot& slot, absl::Duration now) const {
  ErrorDetails details = *DetailsOf(slot.last_error);
  details.retry_after = slot.not_before - now;
  return MakeError(std::move(details), slot.last_error.message());
}

absl::Status SessionManager::TooManyFailures(const SessionSlot& slot, absl::string_view user,
                                             absl::Duration now) {
  return UserFailedTooOften(slot, options_.max_failed_sign_ins_per_hour,
                            gate_.RetryAfter(user, now));
}

absl::Status SessionManager::Obstacle(const SessionSlot& slot, bool forced,
                                      absl::Duration now) const {
  if (slot.removed) return Removed(slot);
  const VaultState vault = parts_.directory.vault_state();
  // Each try would hold a thread for as long as the vault is silent; VaultSync notices when it
  // answers again.
  if (vault == VaultState::kTimedOut) return VaultError(vault);
  if (!restored_) return VaultError(vault == VaultState::kReady ? VaultState::kUnknown : vault);
  if (forced) return absl::OkStatus();
  if (now < slot.not_before) return BackingOff(slot, now);
  const auto partner = partners_.find(PartnerOf(slot));
  if (partner != partners_.end() && now < partner->second->slot.not_before) {
    return BackingOff(partner->second->slot, now);
  }
  const absl::optional<QuarantineEntry> entry =
      quarantine_.Find(*slot.credential, slot.organization_id, now);
  if (!entry.has_value()) return absl::OkStatus();
  return QuarantineError(*entry, *slot.credential, slot.organization_id);
}

absl::Duration SessionManager::TurnOf(const SessionSlot& slot, absl::Duration now) {
  absl::Duration turn = std::max(governor_.TurnOf(slot.key, now), ParkedUntil(slot));
  const Partner* partner = FindPartner(PartnerOf(slot));
  if (partner != nullptr && governor_.Find(partner->slot.key) != nullptr) {
    turn = std::max(turn, governor_.TurnOf(partner->slot.key, now));
  }
  return turn;
}

absl::Duration SessionManager::ParkedUntil(const SessionSlot& slot) const {
  const absl::Duration parked =
      governor_.ParkedUntil(DevKeyKeyOf(*slot.credential, slot.organization_id));
  if (PartnerOf(slot).empty()) return parked;
  return std::max(parked, governor_.ParkedUntil(AppKeyKeyOf(*slot.credential)));
}

void SessionManager::RefuseImpatient(SessionSlot& slot, Later& later) {
  const absl::Duration now = parts_.clock.SinceBoot();
  const absl::Duration turn = TurnOf(slot, now);
  const bool parked = ParkedUntil(slot) >= turn;
  std::vector<Waiter> patient;
  bool refused = false;
  for (Waiter& waiter : std::exchange(slot.waiters, {})) {
    if (turn <= waiter.gives_up) {
      patient.push_back(std::move(waiter));
      continue;
    }
    refused = true;
    later.Add([done = std::move(waiter.done),
               error = parked ? RateLimited(slot, turn - now)
                              : BudgetSpent(slot, turn - now)]() mutable { done(error); });
  }
  slot.waiters = std::move(patient);
  if (refused) Save(slot);  // its place was promised
}

absl::Status SessionManager::Judge(SessionSlot& slot, const Attempt& attempt,
                                   const BillError& error) {
  const CredentialInfo& credential = *attempt.credential;
  const absl::Duration since_boot = parts_.clock.SinceBoot();
  const absl::optional<QuarantineRecord> record = quarantine_.Add(
      credential, slot.organization_id, attempt.step, error, parts_.clock.Now(), since_boot);
  if (record.has_value()) {
    ++failed_sign_ins_;
    parts_.store.WriteSoon(StoredQuarantine{record->scope, record->entry, slot.organization_id});
    return QuarantineError(record->entry, credential, slot.organization_id);
  }
  switch (error.verdict) {
    case Verdict::kUntrusted:
    case Verdict::kMfaFailed:
      ++failed_sign_ins_;
      return BackOff(slot, Reason::kMfaRequired, error, options_.longest_backoff);
    case Verdict::kRefused:
    case Verdict::kApiUnsupported:
      ++failed_sign_ins_;
      return BackOff(slot, Reason::kBillUnavailable, error, options_.longest_backoff);
    case Verdict::kSessionInvalid:  // of the partner, who signs others in with it
      return BackOff(slot, Reason::kSessionUnstable, error, options_.longest_backoff);
    default:
      return BackOff(slot, Reason::kBillUnavailable, error, absl::ZeroDuration());
  }
}

absl::Status SessionManager::Park(const SessionSlot& slot, const std::string& dev_key,
                                  const BillError& error, Later& later) {
  const absl::Duration wait =
      std::max(RateLimitWait(error, parts_.clock.Now()), options_.first_backoff);
  governor_.Park(dev_key, parts_.clock.SinceBoot() + wait);
  for (const Key& queued : governor_.QueuedOn(dev_key)) {
    SessionSlot* waiting = FindSlot(queued);
    if (waiting != nullptr) {
      RefuseImpatient(*waiting, later);
    } else {
      RefuseImpatientProbe(queued, later);
    }
  }
  return RateLimited(slot, wait);
}

absl::Status SessionManager::BackOff(SessionSlot& slot, Reason reason, const BillError& error,
                                     absl::Duration at_least) {
  constexpr int kEnoughDoublings = 20;
  const double doubled = std::exp2(std::min(slot.failures++, kEnoughDoublings));
  const absl::Duration full = std::min(options_.first_backoff * doubled, options_.longest_backoff);
  const absl::Duration wait = std::max({full * (0.5 + parts_.random.Uniform() / 2), at_least,
                                        error.retry_after.value_or(absl::ZeroDuration())});
  slot.not_before = parts_.clock.SinceBoot() + wait;
  ErrorDetails details{
      reason,
      wait,
      {{"organization_id", slot.organization_id}, {"credential", slot.credential->name}}};
  if (!error.code.empty()) details.metadata.emplace("bill_code", error.code);
  const std::string whose =
      slot.organization_id.empty()
          ? absl::StrCat("of the partner of credential \"", slot.credential->name)
          : absl::StrCat("of organization \"", slot.organization_id);
  const absl::string_view advice = MfaAdvice(error.code);
  slot.last_error = MakeError(
      std::move(details),
      absl::StrCat(
          "no session ", whose, "\" from BILL: ", error.detail, "; ",
          advice.empty() ? "the broker tries again when asked after the time to wait" : advice));
  return slot.last_error;
}

}  // namespace billbroker
