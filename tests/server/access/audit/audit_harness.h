// Fakes of an audit log's file and head that can fail in every way, sample entries, and a verifier.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <limits>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/access/audit/audit_log.h"
#include "server/access/audit/audit_verify.h"
#include "tests/support/manual_time.h"
#include "tests/support/seeded_random.h"

namespace billbroker {

inline const absl::Status kDiskFull = absl::UnavailableError("no space is left on the device");

// Keeps the bytes of the file in memory. Thread-safe.
class FakeAuditFile final : public AuditFile {
 public:
  absl::Status Open() override {
    MutexLock lock(mutex_);
    if (!open_error_.ok()) return open_error_;
    if (place_ == AuditFilePlace::kInPlace) return absl::OkStatus();
    if (place_ == AuditFilePlace::kMoved) moved_.push_back(contents_);
    contents_ = std::exchange(at_path_, "");
    place_ = AuditFilePlace::kInPlace;
    return absl::OkStatus();
  }
  absl::StatusOr<std::uint64_t> Size() override { return contents().size(); }
  absl::StatusOr<std::string> Tail(std::size_t most) override {
    const std::string all = contents();
    return all.substr(all.size() - std::min(all.size(), most));
  }
  absl::Status Append(absl::string_view bytes) override ABSL_NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex_.native());
    hung_ = hang_;
    changed_.notify_all();
    changed_.wait(lock, [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return !hang_; });
    hung_ = false;
    const std::size_t fits = std::min(bytes.size(), room_);
    contents_.append(bytes.data(), fits);
    room_ -= fits;
    if (fits < bytes.size()) return kDiskFull;
    return absl::OkStatus();
  }
  absl::Status CutTo(std::uint64_t size) override {
    MutexLock lock(mutex_);
    if (!cut_error_.ok()) return cut_error_;
    contents_.resize(size);
    return absl::OkStatus();
  }
  absl::Status Sync() override {
    MutexLock lock(mutex_);
    ++syncs_;
    return sync_error_;
  }
  absl::StatusOr<AuditFilePlace> Place() override {
    MutexLock lock(mutex_);
    return place_;
  }

  std::vector<std::string> ListSetAside() override {
    MutexLock lock(mutex_);
    return set_aside_;
  }

  void SetRoom(std::size_t bytes) {
    Locked([&] { room_ = bytes; });
  }
  void AddSetAside(std::string name) {
    Locked([&] { set_aside_.push_back(std::move(name)); });
  }
  void SetOpenError(absl::Status error) {
    Locked([&] { open_error_ = std::move(error); });
  }
  void SetSyncError(absl::Status error) {
    Locked([&] { sync_error_ = std::move(error); });
  }
  void SetCutError(absl::Status error) {
    Locked([&] { cut_error_ = std::move(error); });
  }
  void Rename() {
    Locked([&] { place_ = AuditFilePlace::kMoved; });
  }
  void Delete() {
    Locked([&] { place_ = AuditFilePlace::kDeleted; });
  }
  // Puts another file at the path, as a rotation by another program does.
  void Replace(std::string contents) {
    Locked([&] {
      place_ = AuditFilePlace::kMoved;
      at_path_ = std::move(contents);
    });
  }
  void SetContents(std::string contents) {
    Locked([&] { contents_ = std::move(contents); });
  }
  // Blocks each write until Release().
  void Hang() {
    Locked([&] { hang_ = true; });
  }
  void Release() {
    Locked([&] { hang_ = false; });
  }
  void AwaitHung() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex_.native());
    changed_.wait(lock, [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return hung_; });
  }

  [[nodiscard]] std::string contents() const {
    MutexLock lock(mutex_);
    return contents_;
  }
  // Returns the contents of the renamed files in order.
  [[nodiscard]] std::vector<std::string> moved() const {
    MutexLock lock(mutex_);
    return moved_;
  }
  [[nodiscard]] int syncs() const {
    MutexLock lock(mutex_);
    return syncs_;
  }

 private:
  void Locked(const std::function<void()>& change) {
    {
      MutexLock lock(mutex_);
      change();
    }
    changed_.notify_all();
  }

  mutable Mutex mutex_;
  std::condition_variable changed_;
  std::string contents_;
  std::string at_path_;
  std::vector<std::string> moved_;
  AuditFilePlace place_ = AuditFilePlace::kInPlace;
  std::size_t room_ = std::numeric_limits<std::size_t>::max();
  absl::Status open_error_;
  absl::Status sync_error_;
  absl::Status cut_error_;
  bool hang_ = false;
  bool hung_ = false;
  int syncs_ = 0;
  std::vector<std::string> set_aside_;
};

// Keeps the head in memory. Thread-safe.
class FakeAuditHead final : public AuditHead {
 public:
  absl::StatusOr<absl::optional<AuditMark>> Load() override {
    MutexLock lock(mutex_);
    if (!error_.ok()) return error_;
    if (!known_) return absl::nullopt;
    return mark_;
  }
  absl::Status Store(const AuditMark& mark) override {
    MutexLock lock(mutex_);
    if (error_.ok()) mark_ = mark;
    return error_;
  }

  void SetError(absl::Status error) {
    MutexLock lock(mutex_);
    error_ = std::move(error);
  }
  void Set(const AuditMark& mark) {
    MutexLock lock(mutex_);
    mark_ = mark;
  }
  // Sets whether Load() returns the mark, as it does once the session store is open.
  void SetKnown(bool known) {
    MutexLock lock(mutex_);
    known_ = known;
  }
  [[nodiscard]] AuditMark mark() const {
    MutexLock lock(mutex_);
    return mark_;
  }

 private:
  mutable Mutex mutex_;
  AuditMark mark_ ABSL_GUARDED_BY(mutex_);
  bool known_ ABSL_GUARDED_BY(mutex_) = true;
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
};

inline SecretString AuditMasterKey(char byte = 'k') {
  return SecretString::CopyOf(std::string(32, byte));
}

inline AuditEntry SampleRead() {
  AuditEntry entry;
  entry.event = AuditEvent::kSessionRead;
  entry.phase = AuditPhase::kOutcome;
  return entry;
}

inline AuditEntry SampleEntry(std::string request_id = "request-0000000001") {
  AuditEntry entry;
  entry.principal = "unix:payroll-service";
  entry.uid = 1001;
  entry.pid = 4242;
  entry.rpc = "SessionService/Login";
  entry.organization = "00800000000000000081";
  entry.credential = "acme-corporation-payables";
  entry.version = 3;
  entry.request_id = std::move(request_id);
  return entry;
}

// Returns the lines of `text`, each with its newline.
inline std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    lines.push_back(absl::StrCat(line, "\n"));
  }
  return lines;
}

// Returns the findings of VerifyAudit() in `files`, which are named "1", "2", …, as one text each.
inline std::vector<std::string> Verified(const std::vector<std::string>& files,
                                         const absl::optional<AuditMark>& head,
                                         char key_byte = 'k') {
  std::vector<std::istringstream> streams;
  streams.reserve(files.size());
  std::vector<AuditSource> sources;
  for (const std::string& file : files) {
    streams.emplace_back(file);
    sources.push_back({absl::StrCat(streams.size()), streams.back()});
  }
  std::vector<std::string> found;
  for (const AuditFinding& finding :
       VerifyAudit(AuditKey(AuditMasterKey(key_byte)), sources, head).findings) {
    found.push_back(
        absl::StrCat(finding.file, ":", finding.line, " ", AuditFaultName(finding.fault)));
  }
  return found;
}

}  // namespace billbroker
