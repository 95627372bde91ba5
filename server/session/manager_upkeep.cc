// Work that no caller waits for: keep-alive, warm sessions, expiry and changes of the directory.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "server/session/later.h"
#include "server/session/session_manager.h"
#include "server/session/slot_errors.h"

namespace billbroker {
namespace {

constexpr absl::Duration kUpkeepInterval = absl::Seconds(5);
// How soon upkeep looks again at a slot whose check or warm sign-in could not go out or failed.
constexpr absl::Duration kTendAgain = absl::Seconds(30);
constexpr absl::Duration kLedgerWindow = absl::Hours(1);

}  // namespace

void SessionManager::Upkeep() {
  {
    Later later;
    MutexLock lock(mutex_);
    const absl::Duration now = parts_.clock.SinceBoot();
    while (!agenda_.empty() && agenda_.begin()->first <= now) {
      SessionSlot& slot = *agenda_.begin()->second;
      TendAt(slot, absl::InfiniteDuration());
      Tend(slot, now, later);
    }
    DropIdlePartners(now);
    while (!recorded_.empty() && recorded_.front().first + kLedgerWindow <= now) {
      parts_.store.WriteSoon(AttemptForgotten{std::move(recorded_.front().second)});
      recorded_.pop_front();
    }
  }
  parts_.executor.RunAfter(kUpkeepInterval, [this] { Upkeep(); });
}

void SessionManager::TendAt(SessionSlot& slot, absl::Duration when) {
  if (slot.tend_at == when) return;
  if (slot.tend_at != absl::InfiniteDuration()) agenda_.erase({slot.tend_at, &slot});
  slot.tend_at = when;
  if (when != absl::InfiniteDuration()) agenda_.emplace(when, &slot);
}

void SessionManager::Tend(SessionSlot& slot, absl::Duration now, Later& later) {
  if (slot.ending != nullptr && slot.ending->deadline <= now) slot.ending = nullptr;
  if (slot.session != nullptr && !IsLive(slot)) Forget(slot, "idle", later);
  if (slot.activity != SessionSlot::Activity::kIdle) return TendAt(slot, now + kTendAgain);
  const bool warm = IsWarm(slot);
  if (slot.session == nullptr) {
    if (!warm) {
      if (slot.ending != nullptr) TendAt(slot, slot.ending->deadline);
      return;
    }
    if (Obstacle(slot, false, now).ok()) return StartSignIn(slot, Priority::kWarm, later);
    return TendAt(slot, std::max(slot.not_before, now + kTendAgain));
  }
  const bool wanted = warm || slot.asked + options_.keep_alive > now;
  const bool outdated = IsOutdated(slot);
  if (wanted && outdated && TryReplace(slot, now, later)) return;
  // The next time at which this slot needs attention.
  const absl::Duration quiet = wanted && outdated
                                   ? std::min(now + kTendAgain, slot.session->deadline)
                                   : slot.session->deadline;
  if (!options_.sliding || !options_.check_slides) return TendAt(slot, quiet);
  // It may still be asked for.
  if (!wanted) return TendAt(slot, std::min(now + kTendAgain, quiet));
  const bool unknown = warm && IsInDoubt(slot);
  if (now < slot.keep_at && !unknown) return TendAt(slot, std::min(slot.keep_at, quiet));
  const bool may_check =
      slot.not_before <= now &&
      governor_.ParkedUntil(DevKeyKeyOf(*slot.credential, slot.organization_id)) <= now &&
      keep_alive_calls_.Take(DevKeyKeyOf(*slot.credential, slot.organization_id), now);
  if (!may_check) return TendAt(slot, std::min(now + kTendAgain, slot.session->deadline));
  StartCheck(slot, later);
}

bool SessionManager::IsOutdated(const SessionSlot& slot) const {
  const CredentialInfo& credential = *slot.credential;
  const auto user_id = credential.user_ids.find(slot.organization_id);
  const bool another_user =
      user_id != credential.user_ids.end() && user_id->second != slot.session->user_id;
  return another_user || slot.session->dev_key_id != credential.DevKeyIdFor(slot.organization_id);
}

// It has no place in the queue: while it waited there its session could not be kept alive.
bool SessionManager::TryReplace(SessionSlot& slot, absl::Duration now, Later& later) {
  if (!Obstacle(slot, false, now).ok()) return false;
  const Key key = slot.key;
  slot.activity = SessionSlot::Activity::kQueued;
  governor_.Enqueue(ApplicantOf(slot), Priority::kWarm);
  Dispatch(later);
  SessionSlot* still = FindSlot(key);
  if (still == nullptr) return true;
  if (still->activity != SessionSlot::Activity::kQueued) {
    TendAt(*still, now + kTendAgain);
    return true;
  }
  governor_.Withdraw(key);
  still->activity = SessionSlot::Activity::kIdle;
  return false;
}

void SessionManager::PlanKeepAlive(SessionSlot& slot) {
  const absl::Duration now = parts_.clock.SinceBoot();
  slot.keep_at = now + (slot.session->deadline - now) * (0.75 + 0.15 * parts_.random.Uniform());
  TendAt(slot, IsOutdated(slot) ? std::min(slot.keep_at, now + kTendAgain) : slot.keep_at);
}

bool SessionManager::IsWarm(const SessionSlot& slot) const {
  return !slot.logged_out && IsWatchedWarm(slot.organization_id, slot.credential->name);
}

bool SessionManager::IsWatchedWarm(const std::string& organization_id,
                                   const std::string& credential) const {
  return warm_.contains({organization_id, credential}) || warm_.contains({organization_id, ""});
}

void SessionManager::StartWarm(absl::string_view organization_id, absl::string_view credential) {
  const absl::StatusOr<CredentialInfoPtr> found =
      parts_.directory.Find(organization_id, credential);
  MutexLock lock(mutex_);
  ++warm_[{std::string(organization_id), std::string(credential)}];
  if (found.ok()) TendAt(SlotOf(*found, organization_id), parts_.clock.SinceBoot());
}

void SessionManager::StopWarm(absl::string_view organization_id, absl::string_view credential) {
  MutexLock lock(mutex_);
  const auto found = warm_.find({std::string(organization_id), std::string(credential)});
  if (found != warm_.end() && --found->second == 0) warm_.erase(found);
}

void SessionManager::WarmUp(const CredentialInfoPtr& credential, Later& later) {
  const absl::Duration now = parts_.clock.SinceBoot();
  for (const auto& [organization_id, dev_key_id] : credential->organizations) {
    const bool prewarmed = options_.prewarm_all || options_.prewarm.contains(organization_id);
    const bool warm = IsWatchedWarm(organization_id, credential->name);
    if (!prewarmed && !warm) continue;
    SessionSlot& slot = SlotOf(credential, organization_id);
    if (IsLive(slot) || slot.logged_out || slot.activity != SessionSlot::Activity::kIdle) continue;
    if (prewarmed) slot.asked = now;
    if (!Obstacle(slot, false, now).ok()) continue;
    StartSignIn(slot, warm ? Priority::kWarm : Priority::kPrewarm, later);
  }
}

void SessionManager::Save(SessionSlot& slot) {
  const LoginGovernor::Place* place = governor_.Find(slot.key);
  if (slot.removed) return;
  slot.place_stored = place != nullptr;
  parts_.store.WriteSoon(StoredSlot{slot.credential->uid, slot.organization_id, slot.generation,
                                    slot.session, place == nullptr ? 0 : place->order.second,
                                    slot.logged_out});
}

void SessionManager::Erase(SessionSlot& slot) {
  governor_.Withdraw(slot.key);
  TendAt(slot, absl::InfiniteDuration());
  parts_.store.WriteSoon(SlotForgotten{slot.credential->uid, slot.organization_id});
  const auto held = slots_.extract(slot.key);  // the key lives as long as the slot
}

void SessionManager::ScheduleWake() {
  const absl::Duration wake = std::min(governor_.wake_time(), partners_wake_);
  if (wake >= wake_scheduled_) return;
  wake_scheduled_ = wake;
  parts_.executor.RunAfter(wake - parts_.clock.SinceBoot(), [this] { Wake(); });
}

void SessionManager::Wake() {
  Later later;
  MutexLock lock(mutex_);
  wake_scheduled_ = absl::InfiniteDuration();
  Dispatch(later);
}

void SessionManager::CredentialChanged(const CredentialInfoPtr& before,
                                       const CredentialInfoPtr& after) {
  Later later;
  MutexLock lock(mutex_);
  if (before != nullptr) {
    std::vector<SessionSlot*> of_credential;
    for (auto& [key, slot] : slots_) {
      if (slot->credential->uid == before->uid) of_credential.push_back(slot.get());
    }
    for (SessionSlot* slot : of_credential) FollowCredential(*slot, *before, after, later);
    const Key partner = PartnerKeyOf(*before);
    if (after == nullptr || PartnerKeyOf(*after) != partner) DropPartner(partner);
    Dispatch(later);
  }
  if (watcher_ != nullptr) {
    later.Add([this, before, after] {
      // Notify the old organizations too: removing one may have resolved an ambiguity.
      for (const CredentialInfoPtr& info : {before, after}) {
        if (info == nullptr) continue;
        for (const auto& [organization_id, dev_key_id] : info->organizations) {
          watcher_->SessionChanged(organization_id);
        }
      }
    });
  }
  if (after != nullptr && restored_) WarmUp(after, later);
}

void SessionManager::FollowCredential(SessionSlot& slot, const CredentialInfo& before,
                                      const CredentialInfoPtr& after, Later& later) {
  const bool same = after != nullptr && after->uid == slot.credential->uid;
  const bool back = same && after->version < slot.credential->version;
  // The notification is late, unless the version went back: a restored backup of the keyring.
  if (back && before.version != slot.credential->version) return;
  if (same && after->organizations.contains(slot.organization_id)) {
    slot.credential = after;
    slot.removed = false;
    slot.not_before = absl::ZeroDuration();
    slot.failures = 0;
    if (IsLive(slot) && IsVoid(slot, *slot.session)) {
      SignOutUnasked(slot, slot.session, later);
    }
    if (IsLive(slot) && IsOutdated(slot)) TendAt(slot, parts_.clock.SinceBoot());
    if (slot.activity ==
        SessionSlot::Activity::kQueued) {  // perhaps under another devKey or secret
      const LoginGovernor::Order order = governor_.Find(slot.key)->order;
      governor_.Withdraw(slot.key);
      governor_.Enqueue(ApplicantOf(slot), order.first, order.second);
    }
    return;
  }
  if (IsLive(slot)) SignOutUnasked(slot, slot.session, later);
  slot.removed = true;
  const bool at_bill = slot.activity == SessionSlot::Activity::kChecking ||
                       slot.activity == SessionSlot::Activity::kSigningIn;
  if (!at_bill) FailWaiters(slot, Removed(slot), later);
}

}  // namespace billbroker
