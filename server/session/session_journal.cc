#include "server/session/session_journal.h"

#include <algorithm>

namespace billbroker {
namespace {

constexpr absl::Duration kLedgerWindow = absl::Hours(1);

}  // namespace

void SessionJournal::SaveSlot(SessionSlot& slot, std::uint64_t place) {
  if (slot.removed) return;
  slot.place_stored = place != 0;
  StoredSlot stored;
  stored.credential_uid = slot.id.credential_uid;
  stored.organization_id = slot.id.organization_id;
  stored.generation = slot.session.generation();
  stored.session = slot.session.get();
  stored.place = place;
  stored.logged_out = slot.signed_out;
  stored.accepted_dev_key_id = slot.accepted_dev_key_id;
  stored.in_doubt = slot.in_doubt;
  store_.WriteSoon(std::move(stored));
}

void SessionJournal::ForgetSlot(const SlotId& id) {
  store_.WriteSoon(SlotForgotten{id.credential_uid, id.organization_id});
}

void SessionJournal::EndAttempt(StoredAttempt attempt) {
  recorded_.emplace_back(attempt.ended->since_boot, attempt.id);
  store_.WriteSoon(std::move(attempt));
}

void SessionJournal::RestoreAttempt(StoredAttempt attempt, bool changed) {
  const std::pair<absl::Duration, std::string> line = {attempt.ended->since_boot, attempt.id};
  recorded_.insert(std::upper_bound(recorded_.begin(), recorded_.end(), line), line);
  if (changed) store_.WriteSoon(std::move(attempt));
}

void SessionJournal::ForgetOldAttempts() {
  const absl::Duration now = clock_.SinceBoot();
  while (!recorded_.empty() && recorded_.front().first + kLedgerWindow <= now) {
    store_.WriteSoon(AttemptForgotten{std::move(recorded_.front().second)});
    recorded_.pop_front();
  }
}

}  // namespace billbroker
