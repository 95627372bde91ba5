// SqliteStore: the session store in a file of its own. Design: docs/adr/0011-session-store.md.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "server/session/session_store.h"
#include "server/session/sqlite/store_file.h"
#include "server/session/sqlite/stored_row.h"
#include "server/session/sqlite/upgrade.h"
#include "vault/base/clock.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Returns "WAITING", "READY", "DEGRADED" or "MEMORY_ONLY".
[[nodiscard]] absl::string_view StoreStateName(StoreState state);

// Receives events for the log. The texts are for people and hold no contents. Called without a lock
// held, by the thread in Open() or by the store's own; it must not call the store's Open().
class StoreObserver {
 public:
  virtual ~StoreObserver() = default;
  // Receives each new state. `why` is empty for kReady; else it names the file and the fix.
  virtual void StoreStateChanged(StoreState state, absl::string_view why) = 0;
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
  absl::Duration retry_interval = absl::Seconds(1);  // of what could not be written
};

// One thread writes: all queued changes go in one transaction, and of several changes of one row
// only the last. An attempt that RecordAttempt() confirmed survives kill -9 at any moment. It was
// given to the kernel but not forced to the disk (synchronous = NORMAL): a power cut may lose the
// last transactions, and never damages the file.
//
// While writes fail (kDegraded) the latest change of each row waits in memory and is tried again at
// each later write and every `retry_interval`. In kMemoryOnly, which lasts until the next start,
// nothing is kept, every RecordAttempt() is an error, and the file is left alone. A file that is
// deleted, replaced or damaged under the running process: what is at the path is set aside, and a
// fresh file gets every row that could still be read through the open handle. This is seen at the
// next write.
//
// Changes given before Open() are written after it; RecordAttempt() is an error then. Thread-safe.
class SqliteStore final : public SessionStore {
 public:
  // `clock` dates what is set aside; it and `observer` are borrowed.
  SqliteStore(SqliteStoreOptions options, const Clock& clock, StoreObserver& observer);
  // Writes what is queued, if that is possible now. No call may be under way.
  ~SqliteStore() override;
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  // Reads on the caller's thread. `same_boot` is true where no row with times since boot was
  // written in another boot; so it may be false at the second start after a boot, too.
  [[nodiscard]] StoreContents Open(const SecretString& master_key) override;
  void RecordAttempt(StoredAttempt attempt, Done done) override;
  void WriteSoon(StoreChange change) override;
  [[nodiscard]] StoreState state() const override;

 private:
  using Changes = absl::flat_hash_map<RowKey, StoreChange>;
  struct Recording {
    std::uint64_t place;  // see Give()
    Done done;
  };

  absl::Status OpenFile(StoreContents& contents);
  absl::Status ReadContents(StoreFile& file, StoreContents& contents);
  void TakeRow(StoreChange change, absl::string_view boot, StoreContents& contents);
  absl::Status Upgrade(StoreFile& file, std::vector<OldRow> old, StoreContents& contents);
  absl::Status SetFileAside(absl::string_view why);

  // Returns the place of the change in the queue.
  std::uint64_t Give(StoreChange change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Loop() ABSL_NO_THREAD_SAFETY_ANALYSIS;  // waits on the native mutex
  // Waits for changes that are to be written or tried again. Sets `last` if the store closes after
  // them.
  Changes AwaitChanges(std::uint64_t& through, bool& last) ABSL_NO_THREAD_SAFETY_ANALYSIS;
  // Puts the changes of `batch` that could not be written back, and answers the recordings.
  void Settle(Changes& batch, std::uint64_t through, const absl::Status& written);
  void AnswerRecordings(std::uint64_t through, const absl::Status& written);
  absl::Status Write(const Changes& batch);
  absl::Status WriteRows(const std::vector<SealedRow>& rows);
  void LoseFile(absl::string_view why);
  absl::Status MakeFileAnew();

  void SetState(StoreState state, absl::string_view why);

  const SqliteStoreOptions options_;
  const Clock& clock_;
  StoreObserver& observer_;

  // Used by Open(), and from then on by the thread alone.
  absl::optional<RowCodec> codec_;
  std::unique_ptr<StoreFile> file_;  // null while there is none that can be written
  // Hashes of the keys of the rows there: a tenth of their size. Two rows of one hash cost nothing
  // but the memory of a removal that was not needed.
  absl::flat_hash_set<std::size_t> on_file_;
  std::vector<SealedRow> rescued_;  // from a lost file, for the next one
  std::string in_the_way_;          // why what is at the path must be set aside first, if so

  mutable Mutex mutex_;
  std::condition_variable wake_;  // the thread
  Changes unwritten_ ABSL_GUARDED_BY(mutex_);
  // Changes are counted as they come: how many were given and tried so far.
  std::uint64_t given_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t tried_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<Recording> recordings_ ABSL_GUARDED_BY(mutex_);  // not answered yet, by place
  StoreState state_ ABSL_GUARDED_BY(mutex_) = StoreState::kWaiting;
  std::string memory_only_why_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace billbroker
