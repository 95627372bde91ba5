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

// SQLite with a write-ahead log, under an exclusive lock from Open() on, so that no other process
// (nor the sqlite3 tool) can read or write it meanwhile, and no shared memory is mapped that
// someone could cut off under us. What is deleted is overwritten.
//
// Errors: those of Database. Not thread-safe.
class StoreFile final {
 public:
  // Opens the store at `path`, or makes one, and writes to it once to see that it can be written.
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

  // False once the file or its log was deleted, replaced or cut off: writes would go nowhere.
  [[nodiscard]] bool IsInPlace() const;

  // From now on closing leaves what is at the path alone.
  void Abandon() { database_->set_checkpoint_on_close(false); }

 private:
  // Which file is at a path, and how much of it.
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
  // Our own writes make the files longer.
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
// there is no file, or it is not readable or not a store: StoreFile::Open() finds that out.
//
// Errors:
//   kFailedPrecondition  the store has a newer schema than this program knows. The message names
//                        both versions and the two ways out
[[nodiscard]] absl::Status CheckStoreVersion(const std::string& path);

}  // namespace billbroker
