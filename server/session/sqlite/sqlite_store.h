// SqliteStore: the session store in a file of its own. Design: docs/adr/0011-session-store.md.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/session/session_store.h"
#include "server/session/sqlite/store_disk.h"
#include "server/session/sqlite/store_queue.h"
#include "server/session/sqlite/store_worker.h"
#include "vault/base/clock.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Returns "WAITING", "READY", "DEGRADED", "MEMORY_ONLY" or "NOT_ANSWERING".
[[nodiscard]] absl::string_view StoreStateName(StoreState state);

// Receives events for the log. The texts are for people and hold no contents. Called without a lock
// held, by the store's own thread; it must not call the store's Open().
class StoreObserver {
 public:
  virtual ~StoreObserver() = default;
  // Receives each new state. Receives kDegraded again if the file is lost while it cannot be
  // written.
  virtual void StoreStateChanged(const StoreStatus& status) = 0;
  // Receives the new path of a file that could not be used. A fresh file was started.
  virtual void StoreSetAside(const std::string& file, absl::string_view why) = 0;
  // Receives the kind, RowKindName(), of a row that was deleted because it was changed, truncated
  // or moved from another place.
  virtual void StoreRowDropped(absl::string_view kind) = 0;
  // Receives how many rows of an older version were rewritten. `dropped_quarantines` of them, which
  // had no evidence, were removed instead.
  virtual void StoreUpgraded(std::int64_t rows, std::int64_t dropped_quarantines) = 0;
};

struct SqliteStoreOptions {
  std::string path;     // in a folder that exists and is billbrokerd's alone
  std::string boot_id;  // changes with each boot of the machine
  absl::Duration busy_timeout = absl::Seconds(2);    // for another process that has the file open
  absl::Duration retry_interval = absl::Seconds(1);  // of changes that could not be written
  // A store that cannot be opened is tried again after `retry_interval`, then after twice that
  // time, and so on up to this time.
  absl::Duration longest_open_interval = absl::Minutes(1);
  absl::Duration answer_timeout = absl::Seconds(5);  // of the disk; longer than `busy_timeout`
};

// One thread writes: all queued changes go in one transaction, and of several changes of one row
// only the last. An attempt that RecordAttempt() confirmed survives a power cut, and so does a
// quarantine (synchronous = FULL). Other changes survive kill -9 at any moment, and a power cut may
// lose the last ones (synchronous = NORMAL). It never damages the file.
//
// While the file cannot be opened (kMemoryOnly) or written (kDegraded), the latest change of each
// row waits in memory and is tried again. The calls to the disk have a thread of their own. While
// one hangs (kNotAnswering), nothing else waits for it: RecordAttempt() fails at once, and the
// destructor leaves that thread behind.
//
// Changes given before Open() are written after it; RecordAttempt() is an error then. Thread-safe.
class SqliteStore final : public SessionStore {
 public:
  // `clock` dates the states and the files that are set aside; it and `observer` are borrowed.
  SqliteStore(SqliteStoreOptions options, const Clock& clock, StoreObserver& observer);
  // Writes the queued changes, if that is possible now. Waits for the disk at most twice
  // `answer_timeout`. No call may be under way.
  ~SqliteStore() override;

  // Reads the contents; their `same_boot` is true if no row with times since boot was written in
  // another boot. So it may be false at the second start after a boot, too.
  void Open(const SecretString& master_key, Opened opened) override ABSL_NO_THREAD_SAFETY_ANALYSIS;
  void RecordAttempt(StoredAttempt attempt, Done done) override;
  void WriteSoon(StoreChange change) override;
  [[nodiscard]] StoreState state() const override;
  [[nodiscard]] StoreStatus status() const override;

 private:
  void Loop();
  // Tries until the file is open. Returns false if the store closes before.
  bool OpenDisk();
  void WriteUntilClosed();
  // Waits for changes that are to be written or tried again. Sets `last` if the store closes after
  // them.
  StoreQueue::Batch AwaitChanges(bool& last) ABSL_NO_THREAD_SAFETY_ANALYSIS;
  // Runs `call` on the worker. Returns false if the store closes while the disk does not answer.
  bool RunOnDisk(absl::AnyInvocable<void()> call);
  void Settle(StoreQueue::Batch batch, const absl::Status& written);
  // Waits for `time`. Returns true if the store closes.
  bool Pause(absl::Duration time) ABSL_NO_THREAD_SAFETY_ANALYSIS;
  void StopFirstTry();
  void Report(const StoreEvent& event);
  // Notifies the observer if the state differs from the last one, or if `is_news`.
  void SetState(StoreState state, absl::string_view why,
                absl::optional<absl::Duration> next_try = absl::nullopt, bool is_news = false);

  const SqliteStoreOptions options_;
  const Clock& clock_;
  StoreObserver& observer_;

  // Used by Open(), and from then on by the thread alone.
  Opened opened_;
  std::shared_ptr<StoreDisk> disk_;  // with the worker's calls, which may outlive this object
  std::unique_ptr<StoreWorker> worker_;

  mutable Mutex mutex_;
  std::condition_variable wake_;  // the thread, and Open()
  StoreQueue queue_ ABSL_GUARDED_BY(mutex_);
  StoreStatus status_ ABSL_GUARDED_BY(mutex_);
  bool tried_ ABSL_GUARDED_BY(mutex_) = false;  // to open the file, once
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace billbroker
