#include "server/session/sqlite/store_seal.h"

#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/session/sqlite/database.h"
#include "server/session/sqlite/stored_row.h"

namespace billbroker {
namespace {

constexpr absl::Duration kBusyTimeout = absl::Milliseconds(200);

// Returns null if the file is missing, empty, or cannot be read.
std::unique_ptr<Database> OpenForReading(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0 || !S_ISREG(found.st_mode)) return nullptr;
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(path, kBusyTimeout);
  if (!database.ok()) return nullptr;
  // Without shared memory, as the store itself uses the file.
  if (!(*database)->Execute("PRAGMA locking_mode = EXCLUSIVE").ok()) return nullptr;
  return *std::move(database);
}

// Returns false if the file may be there and cannot be seen.
bool IsMissing(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) != 0 && errno == ENOENT;
}

}  // namespace

SealState CheckStoreSeal(const std::string& path, const SecretString* key) {
  if (IsMissing(path)) return SealState::kNothing;
  const std::unique_ptr<Database> database = OpenForReading(path);
  if (database == nullptr) return SealState::kUnknown;
  const absl::StatusOr<std::int64_t> tables =
      database->Int("SELECT count(*) FROM sqlite_schema WHERE name IN ('canary', 'rows')");
  if (!tables.ok()) return SealState::kUnknown;
  if (*tables == 0) return SealState::kNothing;
  const absl::StatusOr<std::string> canary = database->Text("SELECT sealed FROM canary");
  const absl::StatusOr<std::int64_t> rows = database->Int("SELECT count(*) FROM rows");
  if (!canary.ok() || !rows.ok()) return SealState::kUnknown;
  if (canary->empty() && *rows == 0) return SealState::kNothing;
  if (key == nullptr) return SealState::kOtherKey;
  return RowCodec(*key, "").IsCanary(*canary) ? SealState::kOpens : SealState::kOtherKey;
}

StoreCounts CountStore(const std::string& path) {
  const std::unique_ptr<Database> database = OpenForReading(path);
  if (database == nullptr) return {};
  const auto count = [&database](absl::string_view what, RowKind kind) {
    return database
        ->Int(absl::StrCat("SELECT count(", what,
                           ") FROM rows WHERE kind = ", static_cast<int>(kind)))
        .value_or(0);
  };
  return {count("DISTINCT owner", RowKind::kSlot), count("*", RowKind::kSlot),
          count("*", RowKind::kAttempt)};
}

}  // namespace billbroker
