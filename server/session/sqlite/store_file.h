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
  // kDataLoss says, beyond Database's, that the file is not a store of ours, a newer version's, or
  // another key's. It is left as it was then, its log included.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<StoreFile>> Open(const std::string& path,
                                                                       absl::Duration busy_timeout,
                                                                       const RowCodec& codec);

  // All rows until the end or the first error.
  absl::Status ReadRows(absl::FunctionRef<void(SealedRow)> row);

  // Puts and removes rows in one transaction: all or none.
  absl::Status Apply(const std::vector<SealedRow>& rows);

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
  absl::Status PutAndRemove(const std::vector<SealedRow>& rows);
  // Our own writes make the files longer.
  void NoteSizes();
  static bool IsSameFile(const absl::optional<Identity>& a, const absl::optional<Identity>& b);
  static absl::optional<Identity> IdentityOf(const std::string& path);

  std::string path_;
  std::unique_ptr<Database> database_;
  Statement put_;
  Statement remove_;
  absl::optional<Identity> file_;
  absl::optional<Identity> log_;
};

// Renames the file at `path`, and SQLite's files beside it, to NAME.aside-<UTC time>. Returns the
// new path; empty where there was nothing.
[[nodiscard]] absl::StatusOr<std::string> SetAside(const std::string& path, absl::Time now);

}  // namespace billbroker
