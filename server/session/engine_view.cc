// What the engine shows of itself.
#include <algorithm>
#include <tuple>

#include "server/session/engine.h"
#include "server/session/pair_errors.h"

namespace billbroker {

PairInfo Engine::Describe(const Pair& pair) {
  const absl::Duration now = parts_.clock.SinceBoot();
  PairInfo info;
  info.organization_id = pair.organization_id;
  info.credential = pair.credential->name;
  info.generation = pair.generation;
  info.waiting_callers = static_cast<int>(pair.waiters.size());
  info.sign_ins = pair.sign_ins;
  info.quarantine = quarantine_.Find(*pair.credential, pair.organization_id, now);
  const bool queued = pair.activity == Pair::Activity::kQueued;
  absl::Duration retry = std::max(pair.not_before, ParkedUntil(pair));
  if (const Partner* partner = FindPartner(PartnerOf(pair)); partner != nullptr) {
    retry = std::max(retry, partner->pair.not_before);
  }
  if (queued) retry = std::max(retry, TurnOf(pair, now));
  if (retry > now) info.retry_time = parts_.clock.Now() + (retry - now);
  if (IsLive(pair)) info.session = pair.session;
  if (pair.activity == Pair::Activity::kSigningIn) {
    info.state = PairState::kSigningIn;
  } else if (queued) {
    info.state = PairState::kQueued;
  } else if (pair.activity == Pair::Activity::kChecking) {
    info.state = PairState::kChecking;
  } else if (info.session != nullptr) {
    info.state = PairState::kLive;
  } else if (info.quarantine.has_value()) {
    info.state = PairState::kQuarantined;
  } else if (info.retry_time.has_value()) {
    info.state = PairState::kBackingOff;
  }
  return info;
}

std::vector<PairInfo> Engine::List() {
  std::vector<PairInfo> all;
  {
    MutexLock lock(mutex_);
    all.reserve(pairs_.size());
    for (const auto& [key, pair] : pairs_) all.push_back(Describe(*pair));
  }
  std::sort(all.begin(), all.end(), [](const PairInfo& a, const PairInfo& b) {
    return std::tie(a.organization_id, a.credential) < std::tie(b.organization_id, b.credential);
  });
  return all;
}

absl::StatusOr<SessionPtr> Engine::Peek(absl::string_view organization_id,
                                        absl::string_view credential) {
  const absl::StatusOr<CredentialInfoPtr> found =
      parts_.directory.Find(organization_id, credential);
  if (!found.ok()) return found.status();
  MutexLock lock(mutex_);
  const Pair& pair = PairOf(*found, organization_id);
  if (IsLive(pair) && !IsInDoubt(pair)) return pair.session;
  const absl::Status obstacle = Obstacle(pair, false, parts_.clock.SinceBoot());
  return obstacle.ok() ? NoLiveSession(pair) : obstacle;
}

Rollout Engine::RolloutOf(absl::string_view uid) const {
  MutexLock lock(mutex_);
  Rollout rollout;
  for (const auto& [key, pair] : pairs_) {
    if (pair->credential->uid != uid || !IsLive(*pair)) continue;
    ++rollout.live;
    if (!IsOutdated(*pair)) ++rollout.current;
  }
  return rollout;
}

std::vector<LoginGovernor::Budget> Engine::Budgets() {
  MutexLock lock(mutex_);
  return governor_.Budgets(parts_.clock.SinceBoot());
}

EngineCounts Engine::Counts() const {
  MutexLock lock(mutex_);
  EngineCounts counts;
  counts.quarantined = quarantine_.size();
  counts.sign_ins = sign_ins_;
  counts.failed_sign_ins = failed_sign_ins_;
  for (const auto& [key, pair] : pairs_) {
    if (IsLive(*pair)) ++counts.live;
    if (pair->activity == Pair::Activity::kSigningIn) ++counts.signing_in;
    if (pair->activity == Pair::Activity::kQueued) ++counts.queued;
  }
  return counts;
}

}  // namespace billbroker
