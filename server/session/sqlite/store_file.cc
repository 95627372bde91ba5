#include "server/session/sqlite/store_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

constexpr std::int64_t kApplicationId = 0x42425353;  // "BBSS"

// The statements that make each version of the schema from the version before; PRAGMA user_version
// counts them. A new version is a new line; the old lines stay as they are. Version 2 has the
// tables of version 1 with other rows, which SqliteStore rewrites.
constexpr std::array<const char*, 2> kMigrations = {
    "CREATE TABLE canary (id INTEGER PRIMARY KEY CHECK (id = 1), sealed BLOB NOT NULL) STRICT;"
    "CREATE TABLE rows (kind INTEGER NOT NULL, owner TEXT NOT NULL, thing TEXT NOT NULL,"
    " generation INTEGER NOT NULL, boot TEXT NOT NULL, sealed BLOB NOT NULL,"
    " PRIMARY KEY (kind, owner, thing)) STRICT, WITHOUT ROWID;",
    ""};

constexpr char kBeforeReading[] =
    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;";
constexpr char kBeforeWriting[] = "PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;";

// The first bytes of an SQLite file: https://www.sqlite.org/fileformat2.html#the_database_header
constexpr absl::string_view kMagic("SQLite format 3\0", 16);
constexpr std::size_t kHeaderBytes = 100;
constexpr std::size_t kUserVersionAt = 60;
constexpr std::size_t kApplicationIdAt = 68;

std::int64_t BigEndian32(const char* bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return static_cast<std::int32_t>(value);
}

absl::Status NewerVersion(const std::string& path, std::int64_t version) {
  return absl::FailedPreconditionError(absl::StrCat(
      path, ": a newer billbrokerd wrote this session store (schema version ", version,
      "; this one reads up to version ", kMigrations.size(),
      "). Install the newer package, or move the file away: that loses the stored sessions, the "
      "record of the past hour's sign-ins and the quarantines"));
}

std::string LogOf(const std::string& path) { return path + "-wal"; }

}  // namespace

absl::StatusOr<std::unique_ptr<StoreFile>> StoreFile::Open(const std::string& path,
                                                           absl::Duration busy_timeout,
                                                           const RowCodec& codec) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(path, busy_timeout);
  if (!database.ok()) return database.status();
  std::unique_ptr<StoreFile> file(new StoreFile(path, std::move(*database)));
  if (absl::Status status = file->Prepare(codec); !status.ok()) return status;
  file->file_ = IdentityOf(path);
  file->log_ = IdentityOf(LogOf(path));
  file->database_->set_checkpoint_on_close(true);
  return file;
}

absl::Status StoreFile::Prepare(const RowCodec& codec) {
  if (absl::Status status = database_->Execute(kBeforeReading); !status.ok()) return status;
  if (absl::Status status = CheckItIsOurs(); !status.ok()) return status;
  const absl::StatusOr<std::string> mode = database_->Text("PRAGMA journal_mode = WAL");
  if (!mode.ok()) return mode.status();
  if (*mode != "wal") {
    return absl::UnavailableError(absl::StrCat(path_, ": no write-ahead log can be kept there"));
  }
  if (absl::Status status = database_->Execute(kBeforeWriting); !status.ok()) return status;
  absl::StatusOr<Transaction> transaction = Transaction::Begin(*database_);
  if (!transaction.ok()) return transaction.status();
  if (absl::Status status = Migrate(); !status.ok()) return status;
  if (absl::Status status = CheckCanary(codec); !status.ok()) return status;
  if (absl::Status status = PrepareStatements(); !status.ok()) return status;
  if (absl::Status status = transaction->Commit(); !status.ok()) return status;
  // So that the file itself has the version, which CheckStoreVersion() reads.
  database_->Execute("PRAGMA wal_checkpoint(PASSIVE)").IgnoreError();
  return absl::OkStatus();
}

// Reads only: a foreign file must stay as it is.
absl::Status StoreFile::CheckItIsOurs() {
  const absl::StatusOr<std::int64_t> application = database_->Int("PRAGMA application_id");
  if (!application.ok()) return application.status();
  const absl::StatusOr<std::int64_t> version = database_->Int("PRAGMA user_version");
  if (!version.ok()) return version.status();
  const absl::StatusOr<std::int64_t> objects = database_->Int("SELECT count(*) FROM sqlite_schema");
  if (!objects.ok()) return objects.status();
  const bool fresh = *application == 0 && *version == 0 && *objects == 0;
  if (fresh) return absl::OkStatus();
  if (database_->IsReadOnly()) return absl::DataLossError("it needs a newer SQLite");
  if (*application != kApplicationId || *version < 0) {
    return absl::DataLossError("it is a database of another program");
  }
  if (*version > static_cast<std::int64_t>(kMigrations.size())) {
    return NewerVersion(path_, *version);
  }
  const absl::StatusOr<std::string> check = database_->Text("PRAGMA quick_check(1)");
  if (!check.ok()) return check.status();
  return *check == "ok" ? absl::OkStatus() : absl::DataLossError("it is damaged");
}

absl::Status StoreFile::Migrate() {
  const absl::StatusOr<std::int64_t> version = database_->Int("PRAGMA user_version");
  if (!version.ok()) return version.status();
  for (auto step = static_cast<std::size_t>(*version); step < kMigrations.size(); ++step) {
    if (absl::Status status = database_->Execute(kMigrations[step]); !status.ok()) return status;
  }
  const absl::StatusOr<std::int64_t> foreign = database_->Int(
      "SELECT count(*) FROM sqlite_schema WHERE type <> 'table' OR name NOT IN ('canary', 'rows')");
  if (!foreign.ok()) return foreign.status();
  if (*foreign != 0) return absl::DataLossError("something was added to its schema");
  return database_->Execute(absl::StrCat("PRAGMA application_id = ", kApplicationId,
                                         "; PRAGMA user_version = ", kMigrations.size())
                                .c_str());
}

// Writes the canary each time, which proves that the file is writable.
absl::Status StoreFile::CheckCanary(const RowCodec& codec) {
  const absl::StatusOr<std::string> canary = database_->Text("SELECT sealed FROM canary");
  if (!canary.ok()) return canary.status();
  const absl::StatusOr<std::int64_t> rows = database_->Int("SELECT count(*) FROM rows");
  if (!rows.ok()) return rows.status();
  const bool fresh = canary->empty() && *rows == 0;
  if (!fresh && !codec.IsCanary(*canary)) {
    return absl::DataLossError(
        "it was written under another master key: the keyring's key was lost and created again, or "
        "the file comes from another instance");
  }
  absl::StatusOr<Statement> write =
      database_->Prepare("INSERT OR REPLACE INTO canary (id, sealed) VALUES (1, ?1)");
  if (!write.ok()) return write.status();
  const std::string sealed = codec.WriteCanary();
  return write->BindBlob(1, sealed).Run();
}

absl::Status StoreFile::PrepareStatements() {
  absl::StatusOr<Statement> put = database_->Prepare(
      "INSERT OR REPLACE INTO rows (kind, owner, thing, generation, boot, sealed)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  if (!put.ok()) return put.status();
  absl::StatusOr<Statement> remove =
      database_->Prepare("DELETE FROM rows WHERE kind = ?1 AND owner = ?2 AND thing = ?3");
  if (!remove.ok()) return remove.status();
  put_ = std::move(*put);
  remove_ = std::move(*remove);
  return absl::OkStatus();
}

absl::Status StoreFile::ReadRows(absl::FunctionRef<void(SealedRow)> row) {
  absl::StatusOr<Statement> rows =
      database_->Prepare("SELECT kind, owner, thing, generation, boot, sealed FROM rows");
  if (!rows.ok()) return rows.status();
  while (true) {
    const absl::StatusOr<bool> more = rows->Step();
    if (!more.ok() || !*more) return more.status();
    row({static_cast<int>(rows->Int(0)), std::string(rows->Bytes(1)), std::string(rows->Bytes(2)),
         static_cast<std::uint64_t>(rows->Int(3)), std::string(rows->Bytes(4)),
         std::string(rows->Bytes(5))});
  }
}

absl::Status StoreFile::Apply(const std::vector<SealedRow>& rows, Durability durability) {
  absl::Status status = SetDurability(durability);
  if (status.ok()) status = PutAndRemove(rows);
  NoteSizes();
  return status;
}

absl::Status StoreFile::SetDurability(Durability durability) {
  if (durability == durability_) return absl::OkStatus();
  absl::Status status =
      database_->Execute(durability == Durability::kMachine ? "PRAGMA synchronous = FULL"
                                                            : "PRAGMA synchronous = NORMAL");
  if (status.ok()) durability_ = durability;
  return status;
}

absl::Status StoreFile::PutAndRemove(const std::vector<SealedRow>& rows) {
  absl::StatusOr<Transaction> transaction = Transaction::Begin(*database_);
  if (!transaction.ok()) return transaction.status();
  for (const SealedRow& row : rows) {
    Statement& statement = row.sealed.empty() ? remove_ : put_;
    statement.BindInt(1, row.kind).BindText(2, row.owner).BindText(3, row.thing);
    if (!row.sealed.empty()) {
      statement.BindInt(4, static_cast<std::int64_t>(row.generation))
          .BindText(5, row.boot)
          .BindBlob(6, row.sealed);
    }
    if (absl::Status status = statement.Run(); !status.ok()) return status;
  }
  return transaction->Commit();
}

bool StoreFile::IsInPlace() const {
  const absl::optional<Identity> file = IdentityOf(path_);
  const absl::optional<Identity> log = IdentityOf(LogOf(path_));
  return IsSameFile(file, file_) && IsSameFile(log, log_) && file->bytes == file_->bytes &&
         log->bytes == log_->bytes;
}

void StoreFile::NoteSizes() {
  const absl::optional<Identity> file = IdentityOf(path_);
  const absl::optional<Identity> log = IdentityOf(LogOf(path_));
  if (IsSameFile(file, file_)) file_ = file;
  if (IsSameFile(log, log_)) log_ = log;
}

bool StoreFile::IsSameFile(const absl::optional<Identity>& a, const absl::optional<Identity>& b) {
  return a.has_value() && b.has_value() && a->device == b->device && a->inode == b->inode;
}

absl::optional<StoreFile::Identity> StoreFile::IdentityOf(const std::string& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return absl::nullopt;
  return Identity{file.st_dev, file.st_ino, file.st_size};
}

absl::Status CheckStoreVersion(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return absl::OkStatus();
  std::array<char, kHeaderBytes> header{};
  const ssize_t size = ::pread(fd, header.data(), header.size(), 0);
  ::close(fd);
  const bool ours = size == static_cast<ssize_t>(header.size()) &&
                    absl::string_view(header.data(), kMagic.size()) == kMagic &&
                    BigEndian32(header.data() + kApplicationIdAt) == kApplicationId;
  if (!ours) return absl::OkStatus();
  const std::int64_t version = BigEndian32(header.data() + kUserVersionAt);
  return version > static_cast<std::int64_t>(kMigrations.size()) ? NewerVersion(path, version)
                                                                 : absl::OkStatus();
}

}  // namespace billbroker
