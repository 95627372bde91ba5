// SessionJournal: writes slots, sign-ins, secrets and suspensions to the session store.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "server/session/session_slot.h"
#include "server/session/session_store.h"
#include "vault/base/clock.h"

namespace billbroker {

// Guarded by SessionManager; nothing blocks. The intent of a sign-in is recorded without the lock,
// by SignInJob.
class SessionJournal final {
 public:
  SessionJournal(const Clock& clock, SessionStore& store) : clock_(clock), store_(store) {}

  // Saves the slot with its place in the queue; 0: none.
  void SaveSlot(SessionSlot& slot, std::uint64_t place);
  void ForgetSlot(const SlotId& id);
  void WriteSoon(StoreChange change) { store_.WriteSoon(std::move(change)); }

  // Records the end of a sign-in.
  void EndAttempt(StoredAttempt attempt);
  // Adds a sign-in of the process before, and writes it again if its times changed.
  void RestoreAttempt(StoredAttempt attempt, bool changed);
  // Forgets the sign-ins that ended more than an hour ago.
  void ForgetOldAttempts();

 private:
  const Clock& clock_;
  SessionStore& store_;
  // The sign-ins that the store holds: end and id, oldest first.
  std::deque<std::pair<absl::Duration, std::string>> recorded_;
};

}  // namespace billbroker
