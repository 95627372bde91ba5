// Read-only views of the session manager: listings, counts and budgets.
#include <algorithm>
#include <tuple>

#include "server/session/session_manager.h"
#include "server/session/slot_errors.h"

namespace billbroker {

SlotInfo SessionManager::Describe(const SessionSlot& slot) {
  const absl::Duration now = parts_.clock.SinceBoot();
  SlotInfo info;
  info.organization_id = slot.organization_id;
  info.credential = slot.credential->name;
  info.generation = slot.generation;
  info.waiting_callers = static_cast<int>(slot.waiters.size());
  info.sign_ins = slot.sign_ins;
  info.quarantine = quarantine_.Find(*slot.credential, slot.organization_id, now);
  const bool queued = slot.activity == SessionSlot::Activity::kQueued;
  absl::Duration retry = std::max(slot.not_before, ParkedUntil(slot));
  if (const Partner* partner = FindPartner(PartnerOf(slot)); partner != nullptr) {
    retry = std::max(retry, partner->slot.not_before);
  }
  if (queued) retry = std::max(retry, TurnOf(slot, now));
  if (retry > now) info.retry_time = parts_.clock.Now() + (retry - now);
  if (IsLive(slot)) info.session = slot.session;
  if (slot.activity == SessionSlot::Activity::kSigningIn) {
    info.state = SlotState::kSigningIn;
  } else if (queued) {
    info.state = SlotState::kQueued;
  } else if (slot.activity == SessionSlot::Activity::kChecking) {
    info.state = SlotState::kChecking;
  } else if (info.session != nullptr) {
    info.state = SlotState::kLive;
  } else if (info.quarantine.has_value()) {
    info.state = SlotState::kQuarantined;
  } else if (info.retry_time.has_value()) {
    info.state = SlotState::kBackingOff;
  }
  return info;
}

std::vector<SlotInfo> SessionManager::List() {
  std::vector<SlotInfo> all;
  {
    MutexLock lock(mutex_);
    all.reserve(slots_.size());
    for (const auto& [key, slot] : slots_) all.push_back(Describe(*slot));
  }
  std::sort(all.begin(), all.end(), [](const SlotInfo& a, const SlotInfo& b) {
    return std::tie(a.organization_id, a.credential) < std::tie(b.organization_id, b.credential);
  });
  return all;
}

absl::StatusOr<SessionPtr> SessionManager::Peek(absl::string_view organization_id,
                                                absl::string_view credential) {
  const absl::StatusOr<CredentialInfoPtr> found =
      parts_.directory.Find(organization_id, credential);
  if (!found.ok()) return found.status();
  MutexLock lock(mutex_);
  const SessionSlot& slot = SlotOf(*found, organization_id);
  if (IsLive(slot) && !IsInDoubt(slot)) return slot.session;
  const absl::Status obstacle = Obstacle(slot, false, parts_.clock.SinceBoot());
  return obstacle.ok() ? NoLiveSession(slot) : obstacle;
}

Rollout SessionManager::RolloutOf(absl::string_view uid) const {
  MutexLock lock(mutex_);
  Rollout rollout;
  for (const auto& [key, slot] : slots_) {
    if (slot->credential->uid != uid || !IsLive(*slot)) continue;
    ++rollout.live;
    if (!IsOutdated(*slot)) ++rollout.current;
  }
  return rollout;
}

std::vector<LoginGovernor::Budget> SessionManager::Budgets() {
  MutexLock lock(mutex_);
  return governor_.Budgets(parts_.clock.SinceBoot());
}

SessionCounts SessionManager::Counts() const {
  MutexLock lock(mutex_);
  SessionCounts counts;
  counts.quarantined = quarantine_.size();
  counts.sign_ins = sign_ins_;
  counts.failed_sign_ins = failed_sign_ins_;
  for (const auto& [key, slot] : slots_) {
    if (IsLive(*slot)) ++counts.live;
    if (slot->activity == SessionSlot::Activity::kSigningIn) ++counts.signing_in;
    if (slot->activity == SessionSlot::Activity::kQueued) ++counts.queued;
  }
  return counts;
}

}  // namespace billbroker
