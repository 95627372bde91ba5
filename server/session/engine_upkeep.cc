// What the engine does that nobody waits for: keep-alive, warm sessions, lapses, and following what
// changes in the directory.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "server/session/engine.h"
#include "server/session/later.h"
#include "server/session/pair_errors.h"

namespace billbroker {
namespace {

constexpr absl::Duration kUpkeepInterval = absl::Seconds(5);
// How soon upkeep looks again at a pair whose check or warm sign-in could not go out or failed.
constexpr absl::Duration kTendAgain = absl::Seconds(30);
constexpr absl::Duration kLedgerWindow = absl::Hours(1);

}  // namespace

void Engine::Upkeep() {
  {
    Later later;
    MutexLock lock(mutex_);
    const absl::Duration now = parts_.clock.SinceBoot();
    while (!agenda_.empty() && agenda_.begin()->first <= now) {
      Pair& pair = *agenda_.begin()->second;
      TendAt(pair, absl::InfiniteDuration());
      Tend(pair, now, later);
    }
    DropIdlePartners(now);
    while (!recorded_.empty() && recorded_.front().first + kLedgerWindow <= now) {
      parts_.store.WriteSoon(AttemptForgotten{std::move(recorded_.front().second)});
      recorded_.pop_front();
    }
  }
  parts_.executor.RunAfter(kUpkeepInterval, [this] { Upkeep(); });
}

void Engine::TendAt(Pair& pair, absl::Duration when) {
  if (pair.tend_at == when) return;
  if (pair.tend_at != absl::InfiniteDuration()) agenda_.erase({pair.tend_at, &pair});
  pair.tend_at = when;
  if (when != absl::InfiniteDuration()) agenda_.emplace(when, &pair);
}

void Engine::Tend(Pair& pair, absl::Duration now, Later& later) {
  if (pair.ending != nullptr && pair.ending->deadline <= now) pair.ending = nullptr;
  if (pair.session != nullptr && !IsLive(pair)) Forget(pair, "idle", later);
  if (pair.activity != Pair::Activity::kIdle) return TendAt(pair, now + kTendAgain);
  const bool warm = IsWarm(pair);
  if (pair.session == nullptr) {
    if (!warm) {
      if (pair.ending != nullptr) TendAt(pair, pair.ending->deadline);
      return;
    }
    if (Obstacle(pair, false, now).ok()) return StartSignIn(pair, Priority::kWarm, later);
    return TendAt(pair, std::max(pair.not_before, now + kTendAgain));
  }
  const bool wanted = warm || pair.asked + options_.keep_alive > now;
  const bool outdated = IsOutdated(pair);
  if (wanted && outdated && TryReplace(pair, now, later)) return;
  // Until when nothing else is to be done.
  const absl::Duration quiet = wanted && outdated
                                   ? std::min(now + kTendAgain, pair.session->deadline)
                                   : pair.session->deadline;
  if (!options_.sliding || !options_.check_slides) return TendAt(pair, quiet);
  // It may still be asked for.
  if (!wanted) return TendAt(pair, std::min(now + kTendAgain, quiet));
  const bool unknown = warm && IsInDoubt(pair);
  if (now < pair.keep_at && !unknown) return TendAt(pair, std::min(pair.keep_at, quiet));
  const bool may_check =
      pair.not_before <= now &&
      governor_.ParkedUntil(DevKeyKeyOf(*pair.credential, pair.organization_id)) <= now &&
      keep_alive_calls_.Take(DevKeyKeyOf(*pair.credential, pair.organization_id), now);
  if (!may_check) return TendAt(pair, std::min(now + kTendAgain, pair.session->deadline));
  StartCheck(pair, later);
}

bool Engine::IsOutdated(const Pair& pair) const {
  const CredentialInfo& credential = *pair.credential;
  const auto user_id = credential.user_ids.find(pair.organization_id);
  const bool another_user =
      user_id != credential.user_ids.end() && user_id->second != pair.session->user_id;
  return another_user || pair.session->dev_key_id != credential.DevKeyIdFor(pair.organization_id);
}

// It has no place in the queue: while it waited there its session could not be kept alive.
bool Engine::TryReplace(Pair& pair, absl::Duration now, Later& later) {
  if (!Obstacle(pair, false, now).ok()) return false;
  const Key key = pair.key;
  pair.activity = Pair::Activity::kQueued;
  governor_.Enqueue(ApplicantOf(pair), Priority::kWarm);
  Dispatch(later);
  Pair* still = FindPair(key);
  if (still == nullptr) return true;
  if (still->activity != Pair::Activity::kQueued) {
    TendAt(*still, now + kTendAgain);
    return true;
  }
  governor_.Withdraw(key);
  still->activity = Pair::Activity::kIdle;
  return false;
}

void Engine::PlanKeepAlive(Pair& pair) {
  const absl::Duration now = parts_.clock.SinceBoot();
  pair.keep_at = now + (pair.session->deadline - now) * (0.75 + 0.15 * parts_.random.Uniform());
  TendAt(pair, IsOutdated(pair) ? std::min(pair.keep_at, now + kTendAgain) : pair.keep_at);
}

bool Engine::IsWarm(const Pair& pair) const {
  return !pair.logged_out && IsWatchedWarm(pair.organization_id, pair.credential->name);
}

bool Engine::IsWatchedWarm(const std::string& organization_id,
                           const std::string& credential) const {
  return warm_.contains({organization_id, credential}) || warm_.contains({organization_id, ""});
}

void Engine::StartWarm(absl::string_view organization_id, absl::string_view credential) {
  const absl::StatusOr<CredentialInfoPtr> found =
      parts_.directory.Find(organization_id, credential);
  MutexLock lock(mutex_);
  ++warm_[{std::string(organization_id), std::string(credential)}];
  if (found.ok()) TendAt(PairOf(*found, organization_id), parts_.clock.SinceBoot());
}

void Engine::StopWarm(absl::string_view organization_id, absl::string_view credential) {
  MutexLock lock(mutex_);
  const auto found = warm_.find({std::string(organization_id), std::string(credential)});
  if (found != warm_.end() && --found->second == 0) warm_.erase(found);
}

void Engine::WarmUp(const CredentialInfoPtr& credential, Later& later) {
  const absl::Duration now = parts_.clock.SinceBoot();
  for (const auto& [organization_id, dev_key_id] : credential->organizations) {
    const bool prewarmed = options_.prewarm_all || options_.prewarm.contains(organization_id);
    const bool warm = IsWatchedWarm(organization_id, credential->name);
    if (!prewarmed && !warm) continue;
    Pair& pair = PairOf(credential, organization_id);
    if (IsLive(pair) || pair.logged_out || pair.activity != Pair::Activity::kIdle) continue;
    if (prewarmed) pair.asked = now;
    if (!Obstacle(pair, false, now).ok()) continue;
    StartSignIn(pair, warm ? Priority::kWarm : Priority::kPrewarm, later);
  }
}

void Engine::Save(Pair& pair) {
  const LoginGovernor::Place* place = governor_.Find(pair.key);
  if (pair.removed) return;
  pair.place_stored = place != nullptr;
  parts_.store.WriteSoon(StoredPair{pair.credential->uid, pair.organization_id, pair.generation,
                                    pair.session, place == nullptr ? 0 : place->order.second,
                                    pair.logged_out});
}

void Engine::Erase(Pair& pair) {
  governor_.Withdraw(pair.key);
  TendAt(pair, absl::InfiniteDuration());
  parts_.store.WriteSoon(PairForgotten{pair.credential->uid, pair.organization_id});
  const auto held = pairs_.extract(pair.key);  // the key lives as long as the pair
}

void Engine::ScheduleWake() {
  const absl::Duration wake = std::min(governor_.wake_time(), partners_wake_);
  if (wake >= wake_scheduled_) return;
  wake_scheduled_ = wake;
  parts_.executor.RunAfter(wake - parts_.clock.SinceBoot(), [this] { Wake(); });
}

void Engine::Wake() {
  Later later;
  MutexLock lock(mutex_);
  wake_scheduled_ = absl::InfiniteDuration();
  Dispatch(later);
}

void Engine::CredentialChanged(const CredentialInfoPtr& before, const CredentialInfoPtr& after) {
  Later later;
  MutexLock lock(mutex_);
  if (before != nullptr) {
    std::vector<Pair*> of_credential;
    for (auto& [key, pair] : pairs_) {
      if (pair->credential->uid == before->uid) of_credential.push_back(pair.get());
    }
    for (Pair* pair : of_credential) FollowCredential(*pair, *before, after, later);
    const Key partner = PartnerKeyOf(*before);
    if (after == nullptr || PartnerKeyOf(*after) != partner) DropPartner(partner);
    Dispatch(later);
  }
  if (watcher_ != nullptr) {
    later.Add([this, before, after] {
      // Those before too: what was taken away may have stood in another credential's way.
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

void Engine::FollowCredential(Pair& pair, const CredentialInfo& before,
                              const CredentialInfoPtr& after, Later& later) {
  const bool same = after != nullptr && after->uid == pair.credential->uid;
  const bool back = same && after->version < pair.credential->version;
  // Told late, unless it went back: somebody restored a backup of the keyring.
  if (back && before.version != pair.credential->version) return;
  if (same && after->organizations.contains(pair.organization_id)) {
    pair.credential = after;
    pair.removed = false;
    pair.not_before = absl::ZeroDuration();
    pair.failures = 0;
    if (IsLive(pair) && IsVoid(pair, *pair.session)) {
      SignOutUnasked(pair, pair.session, later);
    }
    if (IsLive(pair) && IsOutdated(pair)) TendAt(pair, parts_.clock.SinceBoot());
    if (pair.activity == Pair::Activity::kQueued) {  // perhaps under another devKey or secret
      const LoginGovernor::Order order = governor_.Find(pair.key)->order;
      governor_.Withdraw(pair.key);
      governor_.Enqueue(ApplicantOf(pair), order.first, order.second);
    }
    return;
  }
  if (IsLive(pair)) SignOutUnasked(pair, pair.session, later);
  pair.removed = true;
  const bool at_bill =
      pair.activity == Pair::Activity::kChecking || pair.activity == Pair::Activity::kSigningIn;
  if (!at_bill) FailWaiters(pair, Removed(pair), later);
}

}  // namespace billbroker
