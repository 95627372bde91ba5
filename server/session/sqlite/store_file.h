// StoreFile: the file of a session store, as sealed rows.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/session/sqlite/database.h"
#include "server/session/sqlite/stored_row.h"

namespace billbroker {

// SQLite with a write-ahead log, under an exclusive lock from Open() on. The lock keeps out other
// processes, such as the sqlite3 tool. It also makes SQLite work without shared memory, which
// another process could truncate. Deleted rows are overwritten.
//
// Errors: the same as of Database. Not thread-safe.
class StoreFile final {
 public:
  // Opens or creates the store at `path`, and writes to it once to check that it is writable.
  // Errors, beyond the ones of Database:
  //   kDataLoss            the file is not a store of billbrokerd, or belongs to another key. It is
  //                        left as it was, its log included
  //   kFailedPrecondition  see CheckStoreVersion(). It is left as it was, too
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<StoreFile>> Open(const std::string& path,
                                                                       absl::Duration busy_timeout,
                                                                       const RowCodec& codec);

  // Which end of a process a transaction survives.
  enum class Durability {
    kProcess,  // kill -9; a power cut may lose it (synchronous = NORMAL)
    kMachine,  // a power cut (synchronous = FULL)
  };

  // Calls `row` with each row until the end or the first error.
  absl::Status ReadRows(absl::FunctionRef<void(SealedRow)> row);

  // Puts and removes rows in one transaction: all or none.
  absl::Status Apply(const std::vector<SealedRow>& rows, Durability durability);

  // Returns false if the file or its log was deleted, replaced or truncated: further writes would
  // be lost.
  [[nodiscard]] bool IsInPlace() const;

  // Makes the close leave the files at the path as they are.
  void Abandon() { database_->set_checkpoint_on_close(false); }

 private:
  // Identifies the file at a path, with its size.
  struct Identity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t bytes = 0;
  };

  StoreFile(std::string path, std::unique_ptr<Database> database)
      : path_(std::move(path)), database_(std::move(database)) {}

  absl::Status Prepare(const RowCodec& codec);
  absl::Status CheckItIsOurs();
  absl::Status Migrate();
  absl::Status CheckCanary(const RowCodec& codec);
  absl::Status PrepareStatements();
  absl::Status SetDurability(Durability durability);
  absl::Status PutAndRemove(const std::vector<SealedRow>& rows);
  // Records the sizes after a write of our own.
  void NoteSizes();
  static bool IsSameFile(const absl::optional<Identity>& a, const absl::optional<Identity>& b);
  static absl::optional<Identity> IdentityOf(const std::string& path);

  std::string path_;
  std::unique_ptr<Database> database_;
  Statement put_;
  Statement remove_;
  Durability durability_ = Durability::kProcess;  // of the connection now
  absl::optional<Identity> file_;
  absl::optional<Identity> log_;
};

// Checks that the file at `path` was not written by a newer version. Reads the first bytes of the
// file, without a lock, and changes nothing; this process must not have the store open. OK also if
// there is no file, or it is not readable or not a store; StoreFile::Open() detects that.
//
// Errors:
//   kFailedPrecondition  the store has a newer schema than this program supports. The message
//                        names both versions and the two ways out
[[nodiscard]] absl::Status CheckStoreVersion(const std::string& path);

}  // namespace billbroker
