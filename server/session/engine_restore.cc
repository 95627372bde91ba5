// How the engine takes over from the process before it.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/session/engine.h"
#include "server/session/later.h"

namespace billbroker {
namespace {

// `moment` on this boot's clock, never in the future: what cannot be told (another boot, and a wall
// clock that was set back) counts as just now.
absl::Duration SinceThisBoot(const Moment& moment, bool same_boot, const Clock& clock) {
  const absl::Duration now = clock.SinceBoot();
  if (same_boot) return std::min(moment.since_boot, now);
  return now - std::max(clock.Now() - moment.wall, absl::ZeroDuration());
}

}  // namespace

void Engine::Restore(StoreContents contents) {
  absl::flat_hash_map<std::string, CredentialInfoPtr> credentials;
  for (CredentialInfoPtr& info : parts_.directory.List()) {
    std::string uid = info->uid;
    credentials.emplace(std::move(uid), std::move(info));
  }
  const bool all_known =
      parts_.directory.complete() && parts_.directory.invalid_documents().empty();
  Later later;
  MutexLock lock(mutex_);
  RestoreAttempts(std::move(contents.attempts), contents.same_boot);
  RestoreQuarantines(std::move(contents.quarantines), contents.same_boot);
  std::sort(contents.pairs.begin(), contents.pairs.end(),
            [](const StoredPair& a, const StoredPair& b) { return a.place < b.place; });
  for (StoredPair& stored : contents.pairs) {
    const auto credential = credentials.find(stored.credential_uid);
    if (credential != credentials.end() &&
        credential->second->organizations.contains(stored.organization_id)) {
      RestorePair(stored, credential->second, contents.same_boot);
    } else if (all_known) {
      parts_.store.WriteSoon(PairForgotten{stored.credential_uid, stored.organization_id});
    }
  }
  restored_ = true;
  for (const auto& [uid, credential] : credentials) WarmUp(credential, later);
  Dispatch(later);
}

void Engine::RestoreAttempts(std::vector<StoredAttempt> attempts, bool same_boot) {
  const Moment now = {parts_.clock.Now(), parts_.clock.SinceBoot()};
  for (StoredAttempt& attempt : attempts) {
    const bool cut_off = !attempt.ended.has_value();
    if (cut_off) attempt.ended = now;  // it may have arrived as late as now
    const absl::Duration ended = SinceThisBoot(*attempt.ended, same_boot, parts_.clock);
    attempt.ended->since_boot = ended;
    if (cut_off || !same_boot) parts_.store.WriteSoon(attempt);
    governor_.Restore(attempt.dev_key, DevKeyIdOf(attempt.dev_key), ended);
    gate_.Restore(attempt.user, attempt.ending, ended);
    recorded_.emplace_back(ended, std::move(attempt.id));
  }
  std::sort(recorded_.begin(), recorded_.end());
}

void Engine::RestoreQuarantines(std::vector<StoredQuarantine> quarantines, bool same_boot) {
  for (StoredQuarantine& stored : quarantines) {
    QuarantineEntry& entry = stored.entry;
    if (entry.until.has_value() && !same_boot) {
      const absl::Duration left =
          std::min(*entry.until - parts_.clock.Now(), options_.lockout_cooldown);
      entry.lapses = parts_.clock.SinceBoot() + left;
      parts_.store.WriteSoon(stored);
    }
    quarantine_.Restore(std::move(stored));
  }
}

void Engine::RestorePair(const StoredPair& stored, const CredentialInfoPtr& credential,
                         bool same_boot) {
  const absl::Duration now = parts_.clock.SinceBoot();
  Pair& pair = PairOf(credential, stored.organization_id);
  pair.generation = std::max(pair.generation, stored.generation);
  pair.logged_out = stored.logged_out;
  pair.place_stored = stored.place > 0;
  if (pair.place_stored) {
    pair.activity = Pair::Activity::kQueued;
    governor_.Enqueue(ApplicantOf(pair), Priority::kCaller, stored.place);
  }
  if (stored.session == nullptr) return;
  auto session = std::make_shared<Session>(*stored.session);
  if (!same_boot) {
    const Moment signed_in = {session->sign_in_time, {}};
    session->signed_in = SinceThisBoot(signed_in, false, parts_.clock);
    const absl::Duration left = std::min(session->expire_time - parts_.clock.Now(), WindowOf(pair));
    session->deadline = now + left;
  }
  if (session->deadline <= now) return Save(pair);
  if (IsVoid(pair, *session)) {  // the process before did not get that far
    Retire(session, absl::ZeroDuration());
    return Save(pair);
  }
  session->credential = credential->name;
  pair.session = std::move(session);
  pair.confirmed = false;
  // Somebody asked for it not long ago, or it would not be there.
  pair.asked = now;
  PlanKeepAlive(pair);
  if (!same_boot) Save(pair);
}

}  // namespace billbroker
