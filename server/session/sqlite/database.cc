#include "server/session/sqlite/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

constexpr absl::string_view kFolderFix =
    "see that its folder exists and that billbrokerd may write there";

absl::Status CannotOpen(const std::string& path, absl::string_view why, absl::string_view fix) {
  return absl::UnavailableError(absl::StrCat("cannot open ", path, ": ", why, "; ", fix));
}

absl::string_view FixOf(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return "free space on its disk";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "stop the other process that has it open";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return kFolderFix;
    default:
      return "check its disk (space, quota, errors, read-only)";
  }
}

// SQLite follows symbolic links, obeys the umask, and opens a file read-only if it cannot write it.
// This function prevents all three. It must run before SQLite opens the file, because the close of
// any descriptor of a file releases the process's locks on it.
absl::Status MakePrivateFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (fd < 0) return CannotOpen(path, std::strerror(errno), kFolderFix);
  struct stat file {};
  absl::Status status;
  if (::fstat(fd, &file) != 0 || !S_ISREG(file.st_mode)) {
    status = CannotOpen(path, "it is not a regular file", "move it away");
  } else if ((file.st_mode & 0777) != 0600 && ::fchmod(fd, 0600) != 0) {
    status = CannotOpen(path, std::strerror(errno), "make it billbrokerd's own, with mode 0600");
  }
  ::close(fd);
  return status;
}

}  // namespace

void Statement::Finalizer::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

// A failed bind leaves NULL, which the statement then refuses: no column of ours may be null.
Statement& Statement::BindText(int parameter, absl::string_view value) {
  sqlite3_bind_text64(statement_.get(), parameter, value.empty() ? "" : value.data(), value.size(),
                      SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Statement& Statement::BindBlob(int parameter, absl::string_view value) {
  sqlite3_bind_blob64(statement_.get(), parameter, value.empty() ? "" : value.data(), value.size(),
                      SQLITE_STATIC);
  return *this;
}

Statement& Statement::BindInt(int parameter, std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), parameter, value);
  return *this;
}

absl::StatusOr<bool> Statement::Step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return database_->Error(code);
}

absl::string_view Statement::Bytes(int column) const {
  const void* bytes = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  if (bytes == nullptr) return "";
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

std::int64_t Statement::Int(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

absl::Status Statement::Run() {
  absl::StatusOr<bool> row = true;
  while (row.ok() && *row) row = Step();
  Reset();
  return row.status();
}

void Statement::Reset() { sqlite3_reset(statement_.get()); }

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path,
                                                         absl::Duration busy_timeout) {
  if (absl::Status status = MakePrivateFile(path); !status.ok()) return status;
  std::unique_ptr<Database> database(new Database(path));
  const int code = sqlite3_open_v2(path.c_str(), &database->handle_,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                                       SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE,
                                   nullptr);
  if (code != SQLITE_OK) return database->Error(code);
  if (database->IsReadOnly()) return database->Error(SQLITE_READONLY);
  sqlite3_busy_timeout(database->handle_,
                       static_cast<int>(absl::ToInt64Milliseconds(busy_timeout)));
  sqlite3_db_config(database->handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(database->handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  database->set_checkpoint_on_close(false);
  return database;
}

Database::~Database() { sqlite3_close(handle_); }

absl::Status Database::Execute(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Error(code);
}

absl::StatusOr<Statement> Database::Prepare(absl::string_view sql) {
  sqlite3_stmt* handle = nullptr;
  const int code =
      sqlite3_prepare_v2(handle_, sql.data(), static_cast<int>(sql.size()), &handle, nullptr);
  if (code != SQLITE_OK) return Error(code);
  Statement statement;
  statement.database_ = this;
  statement.statement_.reset(handle);
  return statement;
}

absl::StatusOr<std::string> Database::Text(absl::string_view sql) {
  absl::StatusOr<Statement> statement = Prepare(sql);
  if (!statement.ok()) return statement.status();
  const absl::StatusOr<bool> row = statement->Step();
  if (!row.ok()) return row.status();
  return *row ? std::string(statement->Bytes(0)) : std::string();
}

absl::StatusOr<std::int64_t> Database::Int(absl::string_view sql) {
  absl::StatusOr<Statement> statement = Prepare(sql);
  if (!statement.ok()) return statement.status();
  const absl::StatusOr<bool> row = statement->Step();
  if (!row.ok()) return row.status();
  return *row ? statement->Int(0) : 0;
}

bool Database::IsReadOnly() const { return sqlite3_db_readonly(handle_, "main") != 0; }

void Database::set_checkpoint_on_close(bool checkpoint) {
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, checkpoint ? 0 : 1, nullptr);
}

absl::Status Database::Error(int code) const {
  const char* text = sqlite3_errstr(code);
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR:       // a missing table or column
    case SQLITE_CONSTRAINT:  // our own statements break none
    case SQLITE_MISMATCH:
    case SQLITE_FORMAT:
      return absl::DataLossError(text);
    default:
      return absl::UnavailableError(absl::StrCat(path_, ": ", text, "; ", FixOf(code)));
  }
}

absl::StatusOr<Transaction> Transaction::Begin(Database& database) {
  if (absl::Status status = database.Execute("BEGIN IMMEDIATE"); !status.ok()) return status;
  return Transaction(database);
}

Transaction::Transaction(Transaction&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)) {}

Transaction::~Transaction() {
  // Fails if SQLite has already rolled back, which is fine.
  if (database_ != nullptr) database_->Execute("ROLLBACK").IgnoreError();
}

absl::Status Transaction::Commit() {
  absl::Status status = database_->Execute("COMMIT");
  if (status.ok()) database_ = nullptr;
  return status;
}

}  // namespace billbroker
