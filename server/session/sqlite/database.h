// Database and Statement: SQLite's handles with an owner, and its errors as statuses.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

struct sqlite3;
struct sqlite3_stmt;

namespace billbroker {

class Database;

// A prepared statement; it must not outlive its database. Text and blobs may hold any byte.
class Statement final {
 public:
  Statement() = default;

  // Parameters count from 1. `value` must live until Step() or Run() returned.
  Statement& BindText(int parameter, absl::string_view value);
  Statement& BindBlob(int parameter, absl::string_view value);
  Statement& BindInt(int parameter, std::int64_t value);

  // Whether there is a (further) row. Columns count from 0 and are valid until the next call.
  [[nodiscard]] absl::StatusOr<bool> Step();
  [[nodiscard]] absl::string_view Bytes(int column) const;
  [[nodiscard]] std::int64_t Int(int column) const;

  // Steps to the end; ready to be bound again afterwards.
  absl::Status Run();
  void Reset();

 private:
  friend class Database;
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const;
  };

  const Database* database_ = nullptr;
  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
};

// Errors, of every call here:
//   kDataLoss     the file is damaged, no SQLite file, or not built as the statement expects
//   kUnavailable  anything else: it cannot be opened, read or written now. The message names the
//                 file and what mends it
// Not thread-safe.
class Database final {
 public:
  // Opens the file at `path` for this process alone, for reading and writing; makes it (mode 0600)
  // where there is none, in a folder that exists. Nothing is read yet.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path,
                                                                      absl::Duration busy_timeout);
  // Closes. The write-ahead log goes into the file only after set_checkpoint_on_close(true).
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  absl::Status Execute(const char* sql);
  [[nodiscard]] absl::StatusOr<Statement> Prepare(absl::string_view sql);
  // The first column of the only row.
  [[nodiscard]] absl::StatusOr<std::int64_t> Int(absl::string_view sql);
  [[nodiscard]] absl::StatusOr<std::string> Text(absl::string_view sql);

  // After the first read: this SQLite reads the file's format, and must not write it.
  [[nodiscard]] bool IsReadOnly() const;

  void set_checkpoint_on_close(bool checkpoint);

  // The status of a result code of SQLite's.
  [[nodiscard]] absl::Status Error(int code) const;

 private:
  explicit Database(std::string path) : path_(std::move(path)) {}

  std::string path_;
  sqlite3* handle_ = nullptr;
};

// Rolls back what was not committed.
class Transaction final {
 public:
  // Takes the write lock.
  [[nodiscard]] static absl::StatusOr<Transaction> Begin(Database& database);
  ~Transaction();
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;

  absl::Status Commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}

  Database* database_;  // null once committed or moved from
};

}  // namespace billbroker
