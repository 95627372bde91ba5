#include "server/session/sqlite/sqlite_store.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

void Add(StoreContents& contents, StoreChange change) {
  if (auto* slot = absl::get_if<StoredSlot>(&change)) {
    contents.slots.push_back(std::move(*slot));
  } else if (auto* attempt = absl::get_if<StoredAttempt>(&change)) {
    contents.attempts.push_back(std::move(*attempt));
  } else if (auto* quarantine = absl::get_if<StoredQuarantine>(&change)) {
    contents.quarantines.push_back(std::move(*quarantine));
  } else if (auto* head = absl::get_if<StoredAuditHead>(&change)) {
    contents.audit_head = std::move(*head);
  } else if (auto* secret = absl::get_if<StoredAcceptedSecret>(&change)) {
    contents.accepted_secrets.push_back(std::move(*secret));
  } else if (auto* suspension = absl::get_if<StoredSuspension>(&change)) {
    contents.suspensions.push_back(std::move(*suspension));
  }
}

}  // namespace

absl::string_view StoreStateName(StoreState state) {
  switch (state) {
    case StoreState::kWaiting:
      return "WAITING";
    case StoreState::kReady:
      return "READY";
    case StoreState::kDegraded:
      return "DEGRADED";
    case StoreState::kMemoryOnly:
      return "MEMORY_ONLY";
  }
  return "";
}

SqliteStore::SqliteStore(SqliteStoreOptions options, const Clock& clock, StoreObserver& observer)
    : options_(std::move(options)), clock_(clock), observer_(observer) {}

SqliteStore::~SqliteStore() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

StoreContents SqliteStore::Open(const SecretString& master_key) {
  if (codec_.has_value()) std::abort();  // once
  codec_.emplace(master_key, options_.boot_id);
  StoreContents contents;
  absl::Status status = OpenFile(contents);
  if (absl::IsDataLoss(status)) {
    status = SetFileAside(status.message());
    if (status.ok()) status = OpenFile(contents);
  }
  if (!status.ok()) {
    {
      MutexLock lock(mutex_);
      unwritten_.clear();
      memory_only_why_ = std::string(status.message());
    }
    SetState(StoreState::kMemoryOnly, status.message());
    return StoreContents();
  }
  SetState(StoreState::kReady, "");
  thread_ = std::thread([this] { Loop(); });
  return contents;
}

absl::Status SqliteStore::OpenFile(StoreContents& contents) {
  absl::StatusOr<std::unique_ptr<StoreFile>> file =
      StoreFile::Open(options_.path, options_.busy_timeout, *codec_);
  if (!file.ok()) return file.status();
  if (absl::Status status = ReadContents(**file, contents); !status.ok()) {
    (*file)->Abandon();
    contents = StoreContents();
    on_file_.clear();
    return status;
  }
  file_ = std::move(*file);
  return absl::OkStatus();
}

absl::Status SqliteStore::ReadContents(StoreFile& file, StoreContents& contents) {
  std::vector<SealedRow> dropped;
  std::vector<OldRow> old;
  contents.same_boot = true;
  const absl::Status read = file.ReadRows([&](SealedRow row) {
    if (absl::optional<StoreChange> change = codec_->Read(row)) {
      return TakeRow(*std::move(change), row.boot, contents);
    }
    if (absl::optional<StoreChange> change = codec_->ReadVersion1(row)) {
      return old.push_back({*std::move(change), row.boot});
    }
    row.sealed.clear();
    dropped.push_back(std::move(row));
  });
  if (!read.ok()) return read;
  if (!dropped.empty()) {
    if (absl::Status status = file.Apply(dropped); !status.ok()) return status;
    for (const SealedRow& row : dropped) observer_.StoreRowDropped(RowKindName(row.kind));
  }
  return old.empty() ? absl::OkStatus() : Upgrade(file, std::move(old), contents);
}

void SqliteStore::TakeRow(StoreChange change, absl::string_view boot, StoreContents& contents) {
  if (HasTimesSinceBoot(change) && boot != options_.boot_id) contents.same_boot = false;
  on_file_.insert(absl::HashOf(KeyOf(change)));
  Add(contents, std::move(change));
}

absl::Status SqliteStore::Upgrade(StoreFile& file, std::vector<OldRow> old,
                                  StoreContents& contents) {
  const auto rows_before = static_cast<std::int64_t>(old.size());
  std::vector<OldRow> upgraded = UpgradeFromVersion1(std::move(old));
  std::vector<SealedRow> rows;
  rows.reserve(upgraded.size());
  for (const OldRow& row : upgraded) rows.push_back(codec_->Write(row.change, row.boot));
  if (absl::Status status = file.Apply(rows); !status.ok()) return status;
  std::int64_t removed = 0;
  for (OldRow& row : upgraded) {
    if (IsRemoval(row.change)) {
      ++removed;
    } else {
      TakeRow(std::move(row.change), row.boot, contents);
    }
  }
  observer_.StoreUpgraded(rows_before, removed);
  return absl::OkStatus();
}

absl::Status SqliteStore::SetFileAside(absl::string_view why) {
  const absl::StatusOr<std::string> aside = SetAside(options_.path, clock_.Now());
  if (!aside.ok()) {
    return absl::UnavailableError(
        absl::StrCat(options_.path, " cannot be used: ", why, "; ", aside.status().message()));
  }
  if (!aside->empty()) observer_.StoreSetAside(*aside, why);
  return absl::OkStatus();
}

void SqliteStore::RecordAttempt(StoredAttempt attempt, Done done) {
  absl::Status refused;
  {
    MutexLock lock(mutex_);
    if (state_ == StoreState::kMemoryOnly) {
      refused = absl::UnavailableError(memory_only_why_);
    } else {
      const std::uint64_t place = Give(std::move(attempt));
      if (state_ != StoreState::kWaiting) return recordings_.push_back({place, std::move(done)});
      refused =
          absl::UnavailableError("the session store waits for its key, which is in the keyring");
    }
  }
  done(refused);
}

void SqliteStore::WriteSoon(StoreChange change) {
  MutexLock lock(mutex_);
  if (state_ != StoreState::kMemoryOnly) Give(std::move(change));
}

StoreState SqliteStore::state() const {
  MutexLock lock(mutex_);
  return state_;
}

std::uint64_t SqliteStore::Give(StoreChange change) {
  RowKey key = KeyOf(change);
  unwritten_.insert_or_assign(std::move(key), std::move(change));
  wake_.notify_one();
  return ++given_;
}

void SqliteStore::Loop() {
  bool last = false;
  while (!last) {
    std::uint64_t through = 0;
    Changes batch = AwaitChanges(through, last);
    if (batch.empty()) continue;
    const absl::Status written = Write(batch);
    Settle(batch, through, written);
  }
  file_.reset();
}

SqliteStore::Changes SqliteStore::AwaitChanges(std::uint64_t& through, bool& last) {
  std::unique_lock<std::mutex> lock(mutex_.native());
  while (!stopping_ && given_ == tried_) {
    if (unwritten_.empty()) {
      wake_.wait(lock);
    } else if (wake_.wait_for(lock, absl::ToChronoNanoseconds(options_.retry_interval)) ==
               std::cv_status::timeout) {
      break;
    }
  }
  last = stopping_;
  through = given_;
  return std::exchange(unwritten_, {});
}

// Calls those that wait last: the observer has received the state that they see in state().
void SqliteStore::Settle(Changes& batch, std::uint64_t through, const absl::Status& written) {
  if (written.ok()) {
    for (const auto& [key, change] : batch) {
      if (IsRemoval(change)) {
        on_file_.erase(absl::HashOf(key));
      } else {
        on_file_.insert(absl::HashOf(key));
      }
    }
    SetState(StoreState::kReady, "");
  } else {
    {
      MutexLock lock(mutex_);
      for (auto& [key, change] : batch) {
        // So that a row that came and went while nothing could be written takes no memory.
        if (IsRemoval(change) && !on_file_.contains(absl::HashOf(key))) continue;
        unwritten_.try_emplace(key, std::move(change));  // a later change of the row wins
      }
    }
    SetState(StoreState::kDegraded, written.message());
  }
  AnswerRecordings(through, written);
}

void SqliteStore::AnswerRecordings(std::uint64_t through, const absl::Status& written) {
  std::vector<Recording> answered;
  {
    MutexLock lock(mutex_);
    tried_ = through;
    const auto later = std::partition_point(
        recordings_.begin(), recordings_.end(),
        [through](const Recording& recording) { return recording.place <= through; });
    answered.assign(std::make_move_iterator(recordings_.begin()), std::make_move_iterator(later));
    recordings_.erase(recordings_.begin(), later);
  }
  for (Recording& recording : answered) recording.done(written);
}

absl::Status SqliteStore::Write(const Changes& batch) {
  std::vector<SealedRow> rows;
  rows.reserve(batch.size());
  for (const auto& [key, change] : batch) rows.push_back(codec_->Write(change));
  absl::Status status = WriteRows(rows);
  if (absl::IsDataLoss(status)) {
    LoseFile(absl::StrCat("it was damaged while in use: ", status.message()));
    status = WriteRows(rows);
  }
  if (status.ok()) return status;
  return absl::UnavailableError(absl::StrCat(
      "the session store cannot be written, so changes are in memory only: ", status.message()));
}

absl::Status SqliteStore::WriteRows(const std::vector<SealedRow>& rows) {
  if (file_ != nullptr && !file_->IsInPlace()) {
    LoseFile("it, or its log, was deleted, replaced or cut off while in use");
  }
  if (file_ == nullptr) {
    if (absl::Status status = MakeFileAnew(); !status.ok()) return status;
  }
  return file_->Apply(rows);
}

void SqliteStore::LoseFile(absl::string_view why) {
  in_the_way_ = std::string(why);
  SetState(StoreState::kDegraded, absl::StrCat(options_.path, " is lost: ", why,
                                               "; it is made anew. Leave it alone while "
                                               "billbrokerd runs"));
  rescued_.clear();
  // Until the first row that cannot be read: each row stands for itself.
  file_->ReadRows([this](SealedRow row) { rescued_.push_back(std::move(row)); }).IgnoreError();
  file_->Abandon();
  file_.reset();
}

absl::Status SqliteStore::MakeFileAnew() {
  if (!in_the_way_.empty()) {
    if (absl::Status status = SetFileAside(in_the_way_); !status.ok()) return status;
    in_the_way_.clear();
  }
  absl::StatusOr<std::unique_ptr<StoreFile>> file =
      StoreFile::Open(options_.path, options_.busy_timeout, *codec_);
  absl::Status status = file.status();
  if (status.ok()) status = (*file)->Apply(rescued_);
  if (absl::IsDataLoss(status)) in_the_way_ = std::string(status.message());
  if (!status.ok()) return status;
  file_ = std::move(*file);
  rescued_.clear();
  return absl::OkStatus();
}

void SqliteStore::SetState(StoreState state, absl::string_view why) {
  {
    MutexLock lock(mutex_);
    if (state_ == state) return;
    state_ = state;
  }
  observer_.StoreStateChanged(state, why);
}

}  // namespace billbroker
