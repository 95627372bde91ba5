// A SqliteStore in a folder of its own, and what can be done to its file behind its back.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include <condition_variable>
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
#include "tests/support/manual_time.h"
#include "tests/support/sample_store.h"
#include "tests/support/temp_folder.h"

namespace billbroker {

// Keeps what it is told as lines of text. Thread-safe.
class RecordingStoreObserver final : public StoreObserver {
 public:
  void StoreStateChanged(StoreState state, absl::string_view why) override {
    Add(absl::StrCat("state ", StoreStateName(state), why.empty() ? "" : ": ", why));
  }
  void StoreSetAside(const std::string& file, absl::string_view why) override {
    Add(absl::StrCat("aside ", std::filesystem::path(file).filename().string(), ": ", why));
  }
  void StoreRowDropped(absl::string_view kind) override { Add(absl::StrCat("dropped ", kind)); }

  // Called once, from within the next call that tells something.
  void set_on_next(std::function<void()> on_next) {
    MutexLock lock(mutex_);
    on_next_ = std::move(on_next);
  }
  [[nodiscard]] std::vector<std::string> told() const {
    MutexLock lock(mutex_);
    return told_;
  }
  [[nodiscard]] int Count(absl::string_view start) const {
    int count = 0;
    for (const std::string& line : told()) count += line.rfind(std::string(start), 0) == 0 ? 1 : 0;
    return count;
  }
  void AwaitTold(int lines) const ABSL_NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex_.native());
    added_.wait(lock, [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return told_.size() >= static_cast<std::size_t>(lines);
    });
  }

 private:
  void Add(std::string line) {
    std::function<void()> on_next;
    {
      MutexLock lock(mutex_);
      told_.push_back(std::move(line));
      on_next = std::exchange(on_next_, nullptr);
    }
    added_.notify_all();
    if (on_next) on_next();
  }

  mutable Mutex mutex_;
  mutable std::condition_variable added_;
  std::vector<std::string> told_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> on_next_ ABSL_GUARDED_BY(mutex_);
};

inline SecretString MasterKey(char fill = 'k') {
  return SecretString::CopyOf(std::string(32, fill));
}

// While it lives no byte can be written to any regular file of this process.
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

  StoreContents Open() { return store_->Open(MasterKey()); }
  void Stop() { store_.reset(); }
  // A new store on the same file, with an observer that was told nothing yet.
  void Start() {
    store_.reset();
    observer_ = std::make_unique<RecordingStoreObserver>();
    store_ = std::make_unique<SqliteStore>(options_, clock_, *observer_);
  }
  StoreContents Reopen() {
    Start();
    return Open();
  }

  // Runs SQL on the file, which no store may have open.
  void RawSql(const std::string& sql) const { RawSql(path(), sql); }
  static void RawSql(const std::string& path, const std::string& sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK) << error;
    sqlite3_free(error);
    sqlite3_close(database);
  }
  // The bytes of every file in the folder, by name.
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
  SqliteStoreOptions options_{folder_.File("sessions.db"), "boot-1", absl::Milliseconds(1),
                              absl::Hours(1)};
  std::unique_ptr<RecordingStoreObserver> observer_;
  std::unique_ptr<SqliteStore> store_;
};

}  // namespace billbroker
