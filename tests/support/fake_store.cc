#include "tests/support/fake_store.h"

namespace billbroker {

void FakeStore::Open(const SecretString& /*master_key*/, Opened opened) {
  {
    MutexLock lock(mutex_);
    ++opens_;
    if (state_ != StoreState::kWaiting) unwritten_.clear();
    opened_ = std::move(opened);
    state_ = StoreState::kMemoryOnly;
  }
  TryToOpen();
}

void FakeStore::TryToOpen() {
  Opened opened;
  StoreContents contents;
  {
    MutexLock lock(mutex_);
    if (!usable_ || opened_ == nullptr) return;
    opened = std::exchange(opened_, nullptr);
    contents = Contents();
    RemoveReplacedRows(contents);
    state_ = StoreState::kReady;
  }
  opened(std::move(contents));
  MutexLock lock(mutex_);
  if (!unwritten_.empty()) WriteAll().IgnoreError();
}

void FakeStore::RecordAttempt(StoredAttempt attempt, Done done) {
  CallHook(attempt);
  absl::Status recorded;
  {
    MutexLock lock(mutex_);
    recorded = Record(std::move(attempt));
    if (pausing_) {
      paused_.push_back([done = std::move(done), recorded]() mutable { done(recorded); });
      return;
    }
  }
  done(recorded);
}

absl::Status FakeStore::Record(StoredAttempt attempt) {
  unwritten_.emplace_back(std::move(attempt));
  if (state_ == StoreState::kMemoryOnly) return absl::UnavailableError("the fake is not open");
  if (state_ == StoreState::kWaiting) return absl::UnavailableError("the fake waits for its key");
  return WriteAll();
}

void FakeStore::set_pausing(bool pausing) {
  std::vector<absl::AnyInvocable<void()>> paused;
  {
    MutexLock lock(mutex_);
    pausing_ = pausing;
    if (!pausing) paused.swap(paused_);
  }
  for (absl::AnyInvocable<void()>& answer : paused) answer();
}

void FakeStore::WriteSoon(StoreChange change) {
  CallHook(change);
  MutexLock lock(mutex_);
  unwritten_.push_back(std::move(change));
  const bool open = state_ == StoreState::kReady || state_ == StoreState::kDegraded;
  if (open && !holding_) WriteAll().IgnoreError();
}

void FakeStore::Close() {
  MutexLock lock(mutex_);
  state_ = StoreState::kWaiting;
  unwritten_.clear();
}

StoreState FakeStore::state() const {
  MutexLock lock(mutex_);
  return state_;
}

StoreStatus FakeStore::status() const {
  StoreStatus status;
  status.state = state();
  if (status.state != StoreState::kReady) status.why = "the fake is set to fail";
  return status;
}

void FakeStore::set_hook(Hook hook) {
  MutexLock lock(mutex_);
  hook_ = std::move(hook);
}

void FakeStore::set_failing(bool failing) {
  MutexLock lock(mutex_);
  failing_ = failing;
}

void FakeStore::set_holding(bool holding) {
  MutexLock lock(mutex_);
  holding_ = holding;
}

void FakeStore::set_usable(bool usable) {
  {
    MutexLock lock(mutex_);
    usable_ = usable;
  }
  TryToOpen();
}

void FakeStore::set_same_boot(bool same_boot) {
  MutexLock lock(mutex_);
  same_boot_ = same_boot;
}

std::vector<StoreChange> FakeStore::writes() const {
  MutexLock lock(mutex_);
  return writes_;
}

StoreContents FakeStore::contents() const {
  MutexLock lock(mutex_);
  return Contents();
}

int FakeStore::opens() const {
  MutexLock lock(mutex_);
  return opens_;
}

void FakeStore::CallHook(const StoreChange& change) const {
  Hook hook;
  {
    MutexLock lock(mutex_);
    hook = hook_;
  }
  if (hook) hook(change);
}

absl::Status FakeStore::WriteAll() {
  if (failing_) {
    state_ = StoreState::kDegraded;
    return absl::UnavailableError("the fake is set to fail");
  }
  for (StoreChange& change : unwritten_) {
    Apply(change);
    writes_.push_back(std::move(change));
  }
  unwritten_.clear();
  state_ = StoreState::kReady;
  return absl::OkStatus();
}

void FakeStore::Apply(const StoreChange& change) {
  if (const auto* slot = absl::get_if<StoredSlot>(&change)) {
    slots_.insert_or_assign(SlotKey(slot->credential_uid, slot->organization_id), *slot);
  } else if (const auto* forgotten = absl::get_if<SlotForgotten>(&change)) {
    slots_.erase(SlotKey(forgotten->credential_uid, forgotten->organization_id));
  } else if (const auto* attempt = absl::get_if<StoredAttempt>(&change)) {
    attempts_.insert_or_assign(attempt->id, *attempt);
  } else if (const auto* done = absl::get_if<AttemptForgotten>(&change)) {
    attempts_.erase(done->id);
  } else if (const auto* quarantine = absl::get_if<StoredQuarantine>(&change)) {
    quarantines_.insert_or_assign(quarantine->scope, *quarantine);
  } else if (const auto* lifted = absl::get_if<QuarantineLifted>(&change)) {
    quarantines_.erase(lifted->scope);
  } else if (const auto* head = absl::get_if<StoredAuditHead>(&change)) {
    audit_head_ = *head;
  } else if (const auto* secret = absl::get_if<StoredAcceptedSecret>(&change)) {
    accepted_secrets_.insert_or_assign(secret->user, *secret);
  } else if (const auto* lost = absl::get_if<AcceptedSecretForgotten>(&change)) {
    accepted_secrets_.erase(lost->user);
  } else if (const auto* suspension = absl::get_if<StoredSuspension>(&change)) {
    suspensions_.insert_or_assign(suspension->dev_key, *suspension);
  } else if (const auto* ended = absl::get_if<SuspensionEnded>(&change)) {
    suspensions_.erase(ended->dev_key);
  }
}

void FakeStore::RemoveReplacedRows(StoreContents& contents) const {
  for (const StoreChange& change : unwritten_) {
    if (const auto* quarantine = absl::get_if<StoredQuarantine>(&change)) {
      std::erase_if(contents.quarantines,
                    [&](const StoredQuarantine& row) { return row.scope == quarantine->scope; });
    } else if (const auto* lifted = absl::get_if<QuarantineLifted>(&change)) {
      std::erase_if(contents.quarantines,
                    [&](const StoredQuarantine& row) { return row.scope == lifted->scope; });
    } else if (const auto* secret = absl::get_if<StoredAcceptedSecret>(&change)) {
      std::erase_if(contents.accepted_secrets,
                    [&](const StoredAcceptedSecret& row) { return row.user == secret->user; });
    } else if (const auto* lost = absl::get_if<AcceptedSecretForgotten>(&change)) {
      std::erase_if(contents.accepted_secrets,
                    [&](const StoredAcceptedSecret& row) { return row.user == lost->user; });
    } else if (const auto* suspension = absl::get_if<StoredSuspension>(&change)) {
      std::erase_if(contents.suspensions, [&](const StoredSuspension& row) {
        return row.dev_key == suspension->dev_key;
      });
    }
  }
}

StoreContents FakeStore::Contents() const {
  StoreContents contents;
  contents.same_boot = same_boot_;
  for (const auto& [key, slot] : slots_) contents.slots.push_back(slot);
  for (const auto& [id, attempt] : attempts_) contents.attempts.push_back(attempt);
  for (const auto& [scope, entry] : quarantines_) contents.quarantines.push_back(entry);
  for (const auto& [user, secret] : accepted_secrets_) contents.accepted_secrets.push_back(secret);
  for (const auto& [dev_key, suspension] : suspensions_) contents.suspensions.push_back(suspension);
  contents.audit_head = audit_head_;
  return contents;
}

}  // namespace billbroker
