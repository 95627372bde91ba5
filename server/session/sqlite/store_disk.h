// StoreDisk: the rows of a session store on its disk. Internal to SqliteStore.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/variant.h"
#include "server/session/session_store.h"
#include "server/session/sqlite/store_file.h"
#include "server/session/sqlite/store_queue.h"
#include "server/session/sqlite/stored_row.h"
#include "server/session/sqlite/upgrade.h"

namespace billbroker {

// The file was deleted, replaced or damaged while it was in use.
struct StoreFileLost {
  std::string why;
};
// A file that could not be used was renamed to `file`.
struct StoreFileSetAside {
  std::string file;
  std::string why;
};
// A row was deleted that was changed, truncated or moved from another place.
struct StoreRowDropped {
  std::string kind;  // RowKindName()
};
// Rows of an older version were rewritten. `removed` of them were removed instead.
struct StoreRowsUpgraded {
  std::int64_t rows = 0;
  std::int64_t removed = 0;
};
using StoreEvent =
    absl::variant<StoreFileLost, StoreFileSetAside, StoreRowDropped, StoreRowsUpgraded>;

struct StoreDiskOptions {
  std::string path;
  std::string boot_id;
  absl::Duration busy_timeout;
};

// Used by one thread, which every call may hold for as long as the disk does. It borrows nothing,
// so that it can be left behind.
//
// If the file is deleted, replaced or damaged while it is in use, the next write notices it. The
// file at the path is set aside, and a fresh one gets every row that can still be read through the
// open handle.
class StoreDisk final {
 public:
  StoreDisk(StoreDiskOptions options, const SecretString& master_key)
      : options_(std::move(options)), codec_(master_key, options_.boot_id) {}

  // Opens the file and reads everything. A file that is unusable for good is set aside, with `now`
  // in its name, and a fresh one is started.
  //
  // Errors: may be called again after each
  //   kUnavailable         it cannot be opened now; the message names the file and the fix
  //   kFailedPrecondition  see CheckStoreVersion()
  [[nodiscard]] absl::StatusOr<StoreContents> Open(absl::Time now);

  // Writes the changes in one transaction. If it has an attempt or a quarantine, the transaction
  // survives a power cut. After an error, removes from `changes` the ones that need no other try.
  //
  // Errors:
  //   kUnavailable  it cannot be written now; the message names the file and the fix
  [[nodiscard]] absl::Status Write(StoreQueue::Changes& changes, absl::Time now);

  // Returns the events since the last call.
  [[nodiscard]] std::vector<StoreEvent> TakeEvents();

 private:
  [[nodiscard]] absl::StatusOr<StoreContents> OpenFile();
  absl::Status ReadContents(StoreFile& file, StoreContents& contents);
  void TakeRow(StoreChange change, absl::string_view boot, StoreContents& contents);
  absl::Status Upgrade(StoreFile& file, std::vector<OldRow> old, StoreContents& contents);
  absl::Status SetFileAside(absl::string_view why, absl::Time now);
  absl::Status WriteRows(const std::vector<SealedRow>& rows, StoreFile::Durability durability,
                         absl::Time now);
  void LoseFile(absl::string_view why);
  absl::Status ReplaceFile(absl::Time now);

  const StoreDiskOptions options_;
  const RowCodec codec_;
  std::unique_ptr<StoreFile> file_;  // null while there is none that can be written
  // Hashes of the keys of the rows on file: a tenth of their size. If two rows have the same hash,
  // the removal of a row may be kept that was not needed.
  absl::flat_hash_set<std::size_t> on_file_;
  std::vector<SealedRow> rescued_;  // from a lost file, for the next one
  // Why the file at the path must be set aside first; empty if it need not.
  std::string in_the_way_;
  std::vector<StoreEvent> events_;
};

}  // namespace billbroker
