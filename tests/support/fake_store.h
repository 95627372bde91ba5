// FakeStore: a session store in memory that fails on demand. It passes the contract suite of
// SessionStore.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "server/session/session_store.h"
#include "vault/base/mutex.h"

namespace billbroker {

// It outlives the session manager: another session manager that opens it finds the written rows, as
// after a restart of the process. Thread-safe.
class FakeStore final : public SessionStore {
 public:
  // Called before each change is accepted, on the caller's thread and without a lock.
  using Hook = std::function<void(const StoreChange& change)>;

  // May be called again. That is a restart: changes that are not written yet are lost.
  void Open(const SecretString& master_key, Opened opened) override;
  void RecordAttempt(StoredAttempt attempt, Done done) override;
  void WriteSoon(StoreChange change) override;
  [[nodiscard]] StoreState state() const override;
  [[nodiscard]] StoreStatus status() const override;

  // The process ended: changes that are not written yet are lost, and later ones wait for Open().
  void Close();

  void set_hook(Hook hook);
  // While true, writes fail (kDegraded). Once false again, the next write writes all changes.
  void set_failing(bool failing);
  // While true, the changes of WriteSoon() wait for the next RecordAttempt().
  void set_holding(bool holding);
  // While true, RecordAttempt() writes but does not answer. Once false again, all answers come.
  void set_pausing(bool pausing);
  // Sets whether the store can be opened. If not, Open() leaves it in kMemoryOnly, and it opens as
  // soon as it can again.
  void set_usable(bool usable);
  // Sets whether the next Open() is in the same boot as the contents. True at first.
  void set_same_boot(bool same_boot);

  // Returns all written changes, in the order of the calls.
  [[nodiscard]] std::vector<StoreChange> writes() const;
  // Returns the contents that another Open() would return.
  [[nodiscard]] StoreContents contents() const;
  [[nodiscard]] int opens() const;

 private:
  using SlotKey = std::pair<std::string, std::string>;

  void CallHook(const StoreChange& change) const;
  // Opens the store for `opened_`, if it is usable and someone waits for that.
  void TryToOpen();
  absl::Status Record(StoredAttempt attempt) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status WriteAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Apply(const StoreChange& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RemoveReplacedRows(StoreContents& contents) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  StoreContents Contents() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  Hook hook_ ABSL_GUARDED_BY(mutex_);
  StoreState state_ ABSL_GUARDED_BY(mutex_) = StoreState::kWaiting;
  bool failing_ ABSL_GUARDED_BY(mutex_) = false;
  bool holding_ ABSL_GUARDED_BY(mutex_) = false;
  bool pausing_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<absl::AnyInvocable<void()>> paused_ ABSL_GUARDED_BY(mutex_);
  bool usable_ ABSL_GUARDED_BY(mutex_) = true;
  Opened opened_ ABSL_GUARDED_BY(mutex_);  // null if no Open() waits
  bool same_boot_ ABSL_GUARDED_BY(mutex_) = true;
  int opens_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<StoreChange> unwritten_ ABSL_GUARDED_BY(mutex_);
  std::vector<StoreChange> writes_ ABSL_GUARDED_BY(mutex_);
  std::map<SlotKey, StoredSlot> slots_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, StoredAttempt> attempts_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, StoredQuarantine> quarantines_ ABSL_GUARDED_BY(mutex_);
  std::map<UserId, StoredAcceptedSecret> accepted_secrets_ ABSL_GUARDED_BY(mutex_);
  std::map<DevKeyBudgetId, StoredSuspension> suspensions_ ABSL_GUARDED_BY(mutex_);
  absl::optional<StoredAuditHead> audit_head_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace billbroker
