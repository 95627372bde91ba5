#include "server/session/sqlite/store_disk.h"

#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "server/session/sqlite/set_aside.h"

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

// Without a confirmed attempt a sign-in could be sent that nobody counts, and without a quarantine
// one that BILL refused for good.
bool MustSurvivePowerCut(const StoreChange& change) {
  return absl::holds_alternative<StoredAttempt>(change) ||
         absl::holds_alternative<StoredQuarantine>(change);
}

}  // namespace

absl::StatusOr<StoreContents> StoreDisk::Open(absl::Time now) {
  absl::StatusOr<StoreContents> contents = OpenFile();
  if (!absl::IsDataLoss(contents.status())) return contents;
  if (absl::Status status = SetFileAside(contents.status().message(), now); !status.ok()) {
    return status;
  }
  return OpenFile();
}

absl::StatusOr<StoreContents> StoreDisk::OpenFile() {
  absl::StatusOr<std::unique_ptr<StoreFile>> file =
      StoreFile::Open(options_.path, options_.busy_timeout, codec_);
  if (!file.ok()) return file.status();
  StoreContents contents;
  if (absl::Status status = ReadContents(**file, contents); !status.ok()) {
    (*file)->Abandon();
    on_file_.clear();
    return status;
  }
  file_ = std::move(*file);
  return contents;
}

absl::Status StoreDisk::ReadContents(StoreFile& file, StoreContents& contents) {
  std::vector<SealedRow> dropped;
  std::vector<OldRow> old;
  contents.same_boot = true;
  const absl::Status read = file.ReadRows([&](SealedRow row) {
    if (absl::optional<StoreChange> change = codec_.Read(row)) {
      return TakeRow(*std::move(change), row.boot, contents);
    }
    if (absl::optional<StoreChange> change = codec_.ReadVersion1(row)) {
      return old.push_back({*std::move(change), row.boot});
    }
    row.sealed.clear();
    dropped.push_back(std::move(row));
  });
  if (!read.ok()) return read;
  if (!dropped.empty()) {
    absl::Status status = file.Apply(dropped, StoreFile::Durability::kProcess);
    if (!status.ok()) return status;
    for (const SealedRow& row : dropped) {
      events_.emplace_back(StoreRowDropped{std::string(RowKindName(row.kind))});
    }
  }
  return old.empty() ? absl::OkStatus() : Upgrade(file, std::move(old), contents);
}

void StoreDisk::TakeRow(StoreChange change, absl::string_view boot, StoreContents& contents) {
  if (HasTimesSinceBoot(change) && boot != options_.boot_id) contents.same_boot = false;
  on_file_.insert(absl::HashOf(KeyOf(change)));
  Add(contents, std::move(change));
}

absl::Status StoreDisk::Upgrade(StoreFile& file, std::vector<OldRow> old, StoreContents& contents) {
  const auto rows_before = static_cast<std::int64_t>(old.size());
  std::vector<OldRow> upgraded = UpgradeFromVersion1(std::move(old));
  std::vector<SealedRow> rows;
  rows.reserve(upgraded.size());
  for (const OldRow& row : upgraded) rows.push_back(codec_.Write(row.change, row.boot));
  absl::Status status = file.Apply(rows, StoreFile::Durability::kMachine);
  if (!status.ok()) return status;
  std::int64_t removed = 0;
  for (OldRow& row : upgraded) {
    if (IsRemoval(row.change)) {
      ++removed;
    } else {
      TakeRow(std::move(row.change), row.boot, contents);
    }
  }
  events_.emplace_back(StoreRowsUpgraded{rows_before, removed});
  return absl::OkStatus();
}

absl::Status StoreDisk::SetFileAside(absl::string_view why, absl::Time now) {
  const absl::StatusOr<std::string> aside = SetAside(options_.path, now);
  if (!aside.ok()) {
    return absl::UnavailableError(
        absl::StrCat(options_.path, " cannot be used: ", why, "; ", aside.status().message()));
  }
  if (!aside->empty()) events_.emplace_back(StoreFileSetAside{*aside, std::string(why)});
  return absl::OkStatus();
}

absl::Status StoreDisk::Write(StoreQueue::Changes& changes, absl::Time now) {
  auto durability = StoreFile::Durability::kProcess;
  std::vector<SealedRow> rows;
  rows.reserve(changes.size());
  for (const auto& [key, change] : changes) {
    rows.push_back(codec_.Write(change));
    if (MustSurvivePowerCut(change)) durability = StoreFile::Durability::kMachine;
  }
  absl::Status status = WriteRows(rows, durability, now);
  if (absl::IsDataLoss(status)) {
    LoseFile(absl::StrCat("it was damaged while in use: ", status.message()));
    status = WriteRows(rows, durability, now);
  }
  if (status.ok()) {
    for (const auto& [key, change] : changes) {
      if (IsRemoval(change)) {
        on_file_.erase(absl::HashOf(key));
      } else {
        on_file_.insert(absl::HashOf(key));
      }
    }
    return status;
  }
  // A row that came and went while nothing could be written must take no memory.
  absl::erase_if(changes, [this](const auto& each) {
    return IsRemoval(each.second) && !on_file_.contains(absl::HashOf(each.first));
  });
  return absl::UnavailableError(absl::StrCat(
      "the session store cannot be written, so changes are in memory only: ", status.message()));
}

absl::Status StoreDisk::WriteRows(const std::vector<SealedRow>& rows,
                                  StoreFile::Durability durability, absl::Time now) {
  if (file_ != nullptr && !file_->IsInPlace()) {
    LoseFile("it, or its log, was deleted, replaced or cut off while in use");
  }
  if (file_ == nullptr) {
    if (absl::Status status = ReplaceFile(now); !status.ok()) return status;
  }
  return file_->Apply(rows, durability);
}

void StoreDisk::LoseFile(absl::string_view why) {
  in_the_way_ = std::string(why);
  events_.emplace_back(StoreFileLost{absl::StrCat(options_.path, " is lost: ", why,
                                                  "; a new one is made once that is possible. "
                                                  "Leave it alone while billbrokerd runs")});
  rescued_.clear();
  // Until the first row that cannot be read. Each row can be used without the others.
  file_->ReadRows([this](SealedRow row) { rescued_.push_back(std::move(row)); }).IgnoreError();
  file_->Abandon();
  file_.reset();
}

absl::Status StoreDisk::ReplaceFile(absl::Time now) {
  if (!in_the_way_.empty()) {
    if (absl::Status status = SetFileAside(in_the_way_, now); !status.ok()) return status;
    in_the_way_.clear();
  }
  absl::StatusOr<std::unique_ptr<StoreFile>> file =
      StoreFile::Open(options_.path, options_.busy_timeout, codec_);
  absl::Status status = file.status();
  if (status.ok()) status = (*file)->Apply(rescued_, StoreFile::Durability::kMachine);
  if (absl::IsDataLoss(status)) in_the_way_ = std::string(status.message());
  if (!status.ok()) return status;
  file_ = std::move(*file);
  rescued_.clear();
  return absl::OkStatus();
}

std::vector<StoreEvent> StoreDisk::TakeEvents() { return std::exchange(events_, {}); }

}  // namespace billbroker
