// SqliteStoreHarness: a SqliteStore in its own folder, with access to its file.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/session/sqlite/sqlite_store.h"
#include "tests/support/await.h"
#include "tests/support/manual_time.h"
#include "tests/support/sample_store.h"
#include "tests/support/store_calls.h"
#include "tests/support/temp_folder.h"

namespace billbroker {

// Records each event as a line of text. Thread-safe.
class RecordingStoreObserver final : public StoreObserver {
 public:
  void StoreStateChanged(const StoreStatus& status) override {
    Add(absl::StrCat("state ", StoreStateName(status.state), status.why.empty() ? "" : ": ",
                     status.why));
  }
  void StoreSetAside(const std::string& file, absl::string_view why) override {
    Add(absl::StrCat("aside ", std::filesystem::path(file).filename().string(), ": ", why));
  }
  void StoreRowDropped(absl::string_view kind) override { Add(absl::StrCat("dropped ", kind)); }
  void StoreUpgraded(std::int64_t rows, std::int64_t dropped_quarantines) override {
    Add(absl::StrCat("upgraded ", rows, " rows, dropped ", dropped_quarantines));
  }

  // Sets a function that the next event calls once.
  void set_on_next(std::function<void()> on_next) {
    MutexLock lock(mutex_);
    on_next_ = std::move(on_next);
  }
  [[nodiscard]] std::vector<std::string> events() const {
    MutexLock lock(mutex_);
    return events_;
  }
  [[nodiscard]] int Count(absl::string_view start) const {
    int count = 0;
    for (const std::string& line : events())
      count += line.rfind(std::string(start), 0) == 0 ? 1 : 0;
    return count;
  }
  // Waits until there are `count` events.
  [[nodiscard]] bool AwaitEvents(std::size_t count) const {
    return Await([&] { return events().size() >= count; }, absl::StrCat(count, " store events"));
  }

 private:
  void Add(std::string line) {
    std::function<void()> on_next;
    {
      MutexLock lock(mutex_);
      events_.push_back(std::move(line));
      on_next = std::exchange(on_next_, nullptr);
    }
    if (on_next) on_next();
  }

  mutable Mutex mutex_;
  std::vector<std::string> events_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> on_next_ ABSL_GUARDED_BY(mutex_);
};

inline SecretString MasterKey(char fill = 'k') {
  return SecretString::CopyOf(std::string(32, fill));
}

// While it exists, this process cannot write to any regular file.
class NoWrites final {
 public:
  NoWrites() {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit none{0, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &none);
  }
  ~NoWrites() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  NoWrites(const NoWrites&) = delete;
  NoWrites& operator=(const NoWrites&) = delete;

 private:
  rlimit before_{};
};

class SqliteStoreHarness {
 public:
  SqliteStoreHarness() { Start(); }

  [[nodiscard]] std::string path() const { return folder_.File("sessions.db"); }
  [[nodiscard]] const TempFolder& folder() const { return folder_; }
  SqliteStore& store() { return *store_; }
  RecordingStoreObserver& observer() { return *observer_; }
  SqliteStoreOptions& options() { return options_; }
  ManualClock& clock() { return clock_; }

  StoreContents Open() { return OpenNow(*store_, MasterKey()); }
  void Stop() { store_.reset(); }
  // Creates a new store on the same file, with a new observer.
  void Start() {
    store_.reset();
    observer_ = std::make_unique<RecordingStoreObserver>();
    store_ = std::make_unique<SqliteStore>(options_, clock_, *observer_);
  }
  StoreContents Reopen() {
    Start();
    return Open();
  }

  // Runs SQL on the file. No store may have it open.
  void RawSql(const std::string& sql) const { RawSql(path(), sql); }
  static void RawSql(const std::string& path, const std::string& sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK) << error;
    sqlite3_free(error);
    sqlite3_close(database);
  }
  // Returns the bytes of every file in the folder, by name.
  [[nodiscard]] std::map<std::string, std::string> Files() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      std::ostringstream bytes;
      bytes << std::ifstream(entry.path(), std::ios::binary).rdbuf();
      files[entry.path().filename().string()] = bytes.str();
    }
    return files;
  }

 private:
  TempFolder folder_;
  ManualClock clock_;
  // A loaded machine may need seconds for a large write, and must not look like a disk that hangs.
  SqliteStoreOptions options_{.path = folder_.File("sessions.db"),
                              .boot_id = "boot-1",
                              .busy_timeout = absl::Milliseconds(1),
                              .retry_interval = absl::Hours(1),
                              .answer_timeout = absl::Seconds(60)};
  std::unique_ptr<RecordingStoreObserver> observer_;
  std::unique_ptr<SqliteStore> store_;
};

}  // namespace billbroker
