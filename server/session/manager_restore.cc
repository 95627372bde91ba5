// How the engine takes over from the process before it.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/session/joined_keys.h"
#include "server/session/later.h"
#include "server/session/session_manager.h"

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

void SessionManager::Restore(StoreContents contents) {
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
  std::sort(contents.slots.begin(), contents.slots.end(),
            [](const StoredSlot& a, const StoredSlot& b) { return a.place < b.place; });
  for (StoredSlot& stored : contents.slots) {
    const auto credential = credentials.find(stored.credential_uid);
    if (credential != credentials.end() &&
        credential->second->organizations.contains(stored.organization_id)) {
      RestoreSlot(stored, credential->second, contents.same_boot);
    } else if (all_known) {
      parts_.store.WriteSoon(SlotForgotten{stored.credential_uid, stored.organization_id});
    }
  }
  restored_ = true;
  for (const auto& [uid, credential] : credentials) WarmUp(credential, later);
  Dispatch(later);
}

void SessionManager::RestoreAttempts(std::vector<StoredAttempt> attempts, bool same_boot) {
  const Moment now = {parts_.clock.Now(), parts_.clock.SinceBoot()};
  for (StoredAttempt& attempt : attempts) {
    const bool cut_off = !attempt.ended.has_value();
    if (cut_off) attempt.ended = now;  // it may have arrived as late as now
    const absl::Duration ended = SinceThisBoot(*attempt.ended, same_boot, parts_.clock);
    attempt.ended->since_boot = ended;
    if (cut_off || !same_boot) parts_.store.WriteSoon(attempt);
    governor_.Restore(Joined(attempt.dev_key), attempt.dev_key.dev_key_id, ended);
    gate_.Restore(Joined(attempt.user), attempt.ending, ended);
    recorded_.emplace_back(ended, std::move(attempt.id));
  }
  std::sort(recorded_.begin(), recorded_.end());
}

void SessionManager::RestoreQuarantines(std::vector<StoredQuarantine> quarantines, bool same_boot) {
  for (StoredQuarantine& stored : quarantines) {
    QuarantineEntry& entry = stored.entry;
    if (entry.until.has_value() && !same_boot) {
      const absl::Duration left =
          std::min(*entry.until - parts_.clock.Now(), options_.lockout_cooldown);
      entry.lapses = parts_.clock.SinceBoot() + left;
      parts_.store.WriteSoon(stored);
    }
    quarantine_.Restore({std::move(stored.scope), std::move(entry)});
  }
}

void SessionManager::RestoreSlot(const StoredSlot& stored, const CredentialInfoPtr& credential,
                                 bool same_boot) {
  const absl::Duration now = parts_.clock.SinceBoot();
  SessionSlot& slot = SlotOf(credential, stored.organization_id);
  slot.generation = std::max(slot.generation, stored.generation);
  slot.logged_out = stored.logged_out;
  slot.place_stored = stored.place > 0;
  if (slot.place_stored) {
    slot.activity = SessionSlot::Activity::kQueued;
    governor_.Enqueue(ApplicantOf(slot), Priority::kCaller, stored.place);
  }
  if (stored.session == nullptr) return;
  auto session = std::make_shared<Session>(*stored.session);
  if (!same_boot) {
    const Moment signed_in = {session->sign_in_time, {}};
    session->signed_in = SinceThisBoot(signed_in, false, parts_.clock);
    const absl::Duration left = std::min(session->expire_time - parts_.clock.Now(), WindowOf(slot));
    session->deadline = now + left;
  }
  if (session->deadline <= now) return Save(slot);
  if (IsVoid(slot, *session)) {  // the process before did not get that far
    Retire(session, absl::ZeroDuration());
    return Save(slot);
  }
  session->credential = credential->name;
  slot.session = std::move(session);
  slot.confirmed = false;
  // Somebody asked for it not long ago, or it would not be there.
  slot.asked = now;
  PlanKeepAlive(slot);
  if (!same_boot) Save(slot);
}

}  // namespace billbroker
