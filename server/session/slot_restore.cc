#include "server/session/slot_restore.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace billbroker {
namespace {

// A read after this time proves that the credential of an unclaimed row was deleted.
constexpr absl::Duration kProofTime = absl::Minutes(1);
// Longer than BILL keeps an idle session. Until then the row keeps its generation.
constexpr absl::Duration kUnclaimedTime = absl::Hours(1);
constexpr absl::Duration kFirstVisit = absl::Seconds(5);

bool IsReadable(const SessionParts& parts) {
  return parts.vault_health.state() == VaultState::kReady && parts.credentials.complete() &&
         parts.credentials.invalid_documents().empty();
}

// Ends the sessions of deleted credentials, and keeps the rows with their generations.
void EndUnclaimed(SharedSessions& shared, LockedSessions& state, SlotOperations& slots,
                  SignInDispatcher& dispatcher) {
  SlotRestorer restorer(shared, state, slots, dispatcher, state->unclaimed.same_boot);
  for (auto& [uid, rows] : state->unclaimed.rows) {
    for (auto& [organization_id, row] : rows) {
      if (shared.watcher != nullptr) {
        state.Defer([watcher = shared.watcher, id = std::string(organization_id)] {
          watcher->SessionChanged(id);
        });
      }
      if (row.session == nullptr) continue;
      CredentialInfo deleted;
      deleted.name = row.session->credential;
      restorer.EndSession(row, deleted);
      row.session = nullptr;
      state->journal.WriteSoon(row);
    }
  }
  PublishMissing(shared, state);
}

}  // namespace

absl::Duration ToSinceBoot(const Moment& moment, bool same_boot, const Clock& clock) {
  const absl::Duration now = clock.SinceBoot();
  if (same_boot) return std::min(moment.since_boot, now);
  return now - std::max(clock.Now() - moment.wall, absl::ZeroDuration());
}

void SlotRestorer::Restore(const StoredSlot& stored, const CredentialInfoPtr& credential) {
  if (!credential->organizations.contains(stored.organization_id)) {
    return ForgetRemoved(stored, *credential);
  }
  const bool used = state_->slots.Find({credential->uid, stored.organization_id}) != nullptr;
  SessionSlot& slot = state_->slots.FindOrCreate(credential, stored.organization_id);
  slot.session.RestoreGeneration(stored.generation);
  const bool served = slot.session.IsLive(shared_.now());  // since ServeWithoutStore()
  slot.signed_out = slot.signed_out || (stored.logged_out && !served);
  if (!served) slot.in_doubt = stored.in_doubt;
  if (!stored.accepted_dev_key_id.empty()) {
    state_->history.RestoreDevKey({credential->environment, stored.accepted_dev_key_id});
    if (slot.accepted_dev_key_id.empty()) slot.accepted_dev_key_id = stored.accepted_dev_key_id;
  }
  const bool idle = slot.activity == SessionSlot::Activity::kIdle;
  if (stored.place > 0 && idle && !served) RestorePlace(slot, stored.place);
  if (served) EndSession(stored, *credential);
  if (stored.session == nullptr || served) {
    // This process may have written the row already, with a lower generation.
    if (used) slots_.Save(state_, slot);
    return;
  }
  SessionPtr session = ToSession(*stored.session, *credential);
  const absl::Duration now = shared_.now();
  const bool signed_out = session->generation <= slot.ends_stored;
  const bool removed = state_->removed_before_restore.contains(slot.id);  // and is back
  slot.signed_out = slot.signed_out || signed_out;
  if (session->deadline <= now || signed_out || removed || slot.IsRevoked(*session)) {
    // The process before did not get as far as ending a revoked one.
    if (session->deadline > now) slots_.Retire(session, absl::ZeroDuration());
    return slots_.Save(state_, slot);
  }
  if (slot.session.get() == nullptr) ++state_->held_sessions;
  // Only a session that this boot wrote, and nobody reported, is returned without a check.
  const bool serveable = same_boot_ && !stored.logged_out && !stored.in_doubt;
  slot.session.AdoptUnconfirmed(std::move(session), serveable);
  // A caller asked for it not long ago, or it would not be in the store.
  slot.last_demand = now;
  slots_.PlanKeepAlive(state_, slot);
  if (used || !same_boot_) slots_.Save(state_, slot);
}

void SlotRestorer::ForgetRemoved(const StoredSlot& stored, const CredentialInfo& credential) {
  EndSession(stored, credential);
  state_->journal.ForgetSlot({stored.credential_uid, stored.organization_id});
}

void SlotRestorer::EndSession(const StoredSlot& stored, const CredentialInfo& credential) {
  if (stored.session == nullptr) return;
  const SessionPtr session = ToSession(*stored.session, credential);
  if (session->deadline > shared_.now()) slots_.Retire(session, absl::ZeroDuration());
}

// The callers of the process before are gone: the place is a claim.
void SlotRestorer::RestorePlace(SessionSlot& slot, std::uint64_t place) {
  SignInScheduler& scheduler = state_->rules.scheduler;
  const absl::Duration now = shared_.now();
  slot.place_stored = true;
  scheduler.Enqueue(slot.id, dispatcher_.MakeCandidate(state_, slot, SignInPurpose::kCaller), now,
                    place);
  scheduler.Promise(slot.id, scheduler.EstimateStart(slot.id, now).start);
  scheduler.StopWaiting(slot.id, now);
}

SessionPtr SlotRestorer::ToSession(const Session& stored, const CredentialInfo& credential) const {
  auto session = std::make_shared<Session>(stored);
  session->credential = credential.name;
  if (same_boot_) return session;
  session->signed_in = ToSinceBoot({session->sign_in_time, {}}, false, clock_);
  const absl::Duration left =
      std::min(session->expire_time - clock_.Now(), shared_.LimitsFor(credential).idle_window);
  session->deadline = clock_.SinceBoot() + left;
  return session;
}

void RestoreUnclaimed(SharedSessions& shared, LockedSessions& state, SlotOperations& slots,
                      SignInDispatcher& dispatcher, const CredentialInfoPtr& credential,
                      absl::string_view organization_id) {
  const auto rows = state->unclaimed.rows.find(credential->uid);
  if (rows == state->unclaimed.rows.end()) return;
  const auto row = rows->second.extract(organization_id);
  if (!row) return;
  if (rows->second.empty()) state->unclaimed.rows.erase(rows);
  SlotRestorer(shared, state, slots, dispatcher, state->unclaimed.same_boot)
      .Restore(row.mapped(), credential);
}

void RestoreUnclaimed(SharedSessions& shared, SlotOperations& slots, SignInDispatcher& dispatcher,
                      const CredentialInfoPtr& credential) {
  while (true) {
    LockedSessions state(shared);
    const auto rows = state->unclaimed.rows.find(credential->uid);
    if (rows == state->unclaimed.rows.end()) return;
    // It may be changed or deleted between two holds of the lock.
    const absl::StatusOr<CredentialInfoPtr> current =
        shared.parts.credentials.Get(credential->name);
    const bool deleted = !current.ok() || (*current)->uid != credential->uid;
    SlotRestorer restorer(shared, state, slots, dispatcher, state->unclaimed.same_boot);
    for (int visited = 0; visited < kSlotsPerHold && !rows->second.empty(); ++visited) {
      const auto row = rows->second.extract(rows->second.begin());
      if (deleted) {
        restorer.ForgetRemoved(row.mapped(), *credential);
      } else {
        restorer.Restore(row.mapped(), *current);
      }
    }
    if (!rows->second.empty()) continue;
    state->unclaimed.rows.erase(rows);
    PublishMissing(shared, state);
  }
}

void VisitUnclaimed(SharedSessions& shared, LockedSessions& state, SlotOperations& slots,
                    SignInDispatcher& dispatcher) {
  UnclaimedSlots& unclaimed = state->unclaimed;
  const absl::Duration age = shared.now() - unclaimed.since;
  if (unclaimed.rows.empty() || age < unclaimed.next_visit) return;
  unclaimed.next_visit = age + std::max(kFirstVisit, age / 4);
  if (!unclaimed.proven) shared.parts.vault_health.RequestReload();
  if (age < kProofTime || !IsReadable(shared.parts)) return;
  const std::uint64_t reads = shared.parts.credentials.reads();
  // The time may have passed without a read: the machine slept, or the keyring was away.
  if (reads == unclaimed.reads_then.value_or(reads)) {
    unclaimed.reads_then = reads;
    return;
  }
  if (!std::exchange(unclaimed.proven, true)) EndUnclaimed(shared, state, slots, dispatcher);
  if (age < kUnclaimedTime) return;
  for (const auto& [uid, rows] : unclaimed.rows) {
    for (const auto& [organization_id, row] : rows) {
      state->journal.ForgetSlot({uid, organization_id});
    }
  }
  unclaimed.rows.clear();
}

void PublishMissing(SharedSessions& shared, LockedSessions& state) {
  absl::flat_hash_map<std::string, std::string> missing;
  if (!state->unclaimed.proven) {
    for (const auto& [uid, rows] : state->unclaimed.rows) {
      for (const auto& [organization_id, row] : rows) missing.emplace(organization_id, uid);
    }
  }
  shared.parts.credentials.SetMissing(std::move(missing));
}

}  // namespace billbroker
