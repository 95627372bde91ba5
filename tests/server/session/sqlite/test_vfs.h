// TestVfs: SQLite's file system, with writes that hang on demand and a count of syncs.
#pragma once

#include <sqlite3.h>

#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>

#include "vault/base/mutex.h"

namespace billbroker {

// While it exists, every database that this process opens uses it. Only one may exist at a time.
// Thread-safe.
class TestVfs final {
 public:
  TestVfs() : real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
    if (current != nullptr) std::abort();
    current = this;
    vfs_.zName = "billbroker-test";
    vfs_.xOpen = Open;
    sqlite3_vfs_register(&vfs_, /*makeDflt=*/1);
  }
  // No database may be open.
  ~TestVfs() {
    sqlite3_vfs_register(real_, /*makeDflt=*/1);
    sqlite3_vfs_unregister(&vfs_);
    current = nullptr;
  }
  TestVfs(const TestVfs&) = delete;
  TestVfs& operator=(const TestVfs&) = delete;

  // While true, writes block, as on a device that does not answer.
  void set_hanging(bool hanging) {
    {
      MutexLock lock(mutex_);
      hanging_ = hanging;
    }
    changed_.notify_all();
  }
  // Returns true if a write blocks now.
  [[nodiscard]] bool blocked() const {
    MutexLock lock(mutex_);
    return blocked_ > 0;
  }
  [[nodiscard]] int open_files() const {
    MutexLock lock(mutex_);
    return open_files_;
  }
  [[nodiscard]] int syncs() const {
    MutexLock lock(mutex_);
    return syncs_;
  }

 private:
  static int Open(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* file, int flags,
                  int* out_flags) {
    const int code = current->real_->xOpen(vfs, name, file, flags, out_flags);
    if (code == SQLITE_OK) current->Replace(*file);
    return code;
  }
  static int Write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
    current->BlockWhileHanging();
    return RealOf(file).xWrite(file, bytes, size, offset);
  }
  static int Close(sqlite3_file* file) {
    const int code = RealOf(file).xClose(file);
    current->CountClosed();
    return code;
  }
  static int Sync(sqlite3_file* file, int flags) {
    current->CountSync();
    return RealOf(file).xSync(file, flags);
  }

  // The methods of a kind of files, with the ones that they replace. `own` is the first member, so
  // that a pointer to it leads here.
  struct Methods {
    sqlite3_io_methods own;
    const sqlite3_io_methods* real;
  };

  static const sqlite3_io_methods& RealOf(sqlite3_file* file) {
    return *reinterpret_cast<const Methods*>(file->pMethods)->real;
  }
  void Replace(sqlite3_file& file) {
    MutexLock lock(mutex_);
    ++open_files_;
    for (Methods& methods : methods_) {
      if (methods.real != file.pMethods) continue;
      file.pMethods = &methods.own;
      return;
    }
    methods_.push_back({*file.pMethods, file.pMethods});
    sqlite3_io_methods& own = methods_.back().own;
    own.xWrite = Write;
    own.xSync = Sync;
    own.xClose = Close;
    file.pMethods = &own;
  }
  void BlockWhileHanging() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex_.native());
    ++blocked_;
    changed_.wait(lock, [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return !hanging_; });
    --blocked_;
  }
  void CountClosed() {
    MutexLock lock(mutex_);
    --open_files_;
  }
  void CountSync() {
    MutexLock lock(mutex_);
    ++syncs_;
  }

  inline static TestVfs* current = nullptr;

  sqlite3_vfs* const real_;
  sqlite3_vfs vfs_;
  mutable Mutex mutex_;
  std::deque<Methods> methods_ ABSL_GUARDED_BY(mutex_);  // one for each kind of files
  std::condition_variable changed_;
  bool hanging_ ABSL_GUARDED_BY(mutex_) = false;
  int blocked_ ABSL_GUARDED_BY(mutex_) = 0;
  int open_files_ ABSL_GUARDED_BY(mutex_) = 0;
  int syncs_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace billbroker
