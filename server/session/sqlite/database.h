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

  // Binds a parameter; the first one is 1. `value` must live until Step() or Run() has returned.
  Statement& BindText(int parameter, absl::string_view value);
  Statement& BindBlob(int parameter, absl::string_view value);
  Statement& BindInt(int parameter, std::int64_t value);

  // Advances to the next row. Returns false if there is none. The first column is 0. Columns are
  // valid until the next call.
  [[nodiscard]] absl::StatusOr<bool> Step();
  [[nodiscard]] absl::string_view Bytes(int column) const;
  [[nodiscard]] std::int64_t Int(int column) const;

  // Runs the statement to its end. Afterwards its parameters can be bound again.
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

// Errors of every call:
//   kDataLoss     the file is damaged, is not an SQLite file, or lacks a table or column that the
//                 statement names
//   kUnavailable  anything else: the file cannot be opened, read or written now. The message names
//                 the file and the fix
// Not thread-safe.
class Database final {
 public:
  // Opens the file at `path` for reading and writing by this process alone. Creates it, with mode
  // 0600, if it does not exist; its folder must exist. Reads nothing yet.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path,
                                                                      absl::Duration busy_timeout);
  // Closes the file. Copies the write-ahead log into it only after set_checkpoint_on_close(true).
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  absl::Status Execute(const char* sql);
  [[nodiscard]] absl::StatusOr<Statement> Prepare(absl::string_view sql);
  // Returns the first column of the first row; 0 or an empty text if there is none.
  [[nodiscard]] absl::StatusOr<std::int64_t> Int(absl::string_view sql);
  [[nodiscard]] absl::StatusOr<std::string> Text(absl::string_view sql);

  // Returns true if this SQLite can read the format of the file but must not write it. Valid after
  // the first read.
  [[nodiscard]] bool IsReadOnly() const;

  void set_checkpoint_on_close(bool checkpoint);

  // Returns the status of a result code of SQLite.
  [[nodiscard]] absl::Status Error(int code) const;

 private:
  explicit Database(std::string path) : path_(std::move(path)) {}

  std::string path_;
  sqlite3* handle_ = nullptr;
};

// Rolls back at its end unless it was committed.
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
