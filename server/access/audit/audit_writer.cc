#include "server/access/audit/audit_writer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace billbroker {
namespace {

// More than the longest batch that a crash may have torn, and two whole lines before it.
constexpr std::size_t kTailBytes = std::size_t{4} << 20;

constexpr absl::string_view kHeadLost =
    "its head, which is kept apart, was not there when the broker took the file over: a tail that "
    "was cut off before would not be found out";

constexpr absl::string_view kHeadUnknown =
    "its head, which is kept in the session store, is not known until the store is open: a tail "
    "that "
    "was cut off is found out then";

constexpr absl::string_view kFileLost =
    "the file before was deleted or emptied, or renamed while no broker saw it";

absl::Status Foreign(absl::string_view what) {
  return absl::UnavailableError(
      absl::StrCat(what, "; keep the file for an inquiry, move it away, and a new one goes on"));
}

// Removes the last complete line from `text` and returns it; nullopt if it is not a valid line.
absl::optional<AuditLine> TakeLastLine(absl::string_view& text) {
  if (text.empty()) return absl::nullopt;
  text.remove_suffix(1);
  const std::size_t before = text.rfind('\n');
  const std::size_t start = before == absl::string_view::npos ? 0 : before + 1;
  absl::optional<AuditLine> line = ParseAuditLine(text.substr(start));
  text = text.substr(0, start);
  return line;
}

// Returns true if `text` may be the rest of a file's first line after a crash.
bool MayBeginLine(absl::string_view text) {
  constexpr absl::string_view kBegin = "{\"sequence\":";
  return text.substr(0, kBegin.size()) == kBegin.substr(0, text.size());
}

// Returns the MAC of the previous line according to `line` itself; nullopt if only the previous
// line has it.
absl::optional<AuditMac> OwnPrevious(const AuditLine& line) {
  if (line.kind == AuditNoteName(AuditNote::kStart)) return AuditMac{};
  return line.previous;
}

}  // namespace

absl::Status AuditWriter::Commit(const std::vector<const AuditRecord*>& records,
                                 std::uint64_t dropped) {
  absl::Status status = TryCommit(records, dropped);
  if (status.ok()) {
    trouble_.clear();
    lost_ = 0;
  } else {
    trouble_ = std::string(status.message());
    lost_ += std::count_if(records.begin(), records.end(),
                           [](const AuditRecord* record) { return !record->returns; });
  }
  return status;
}

std::string AuditWriter::head_trouble() const {
  std::vector<std::string> troubles;
  if (head_lost_) troubles.emplace_back(kHeadLost);
  if (mark_known_ && !head_known_) troubles.emplace_back(kHeadUnknown);
  if (!head_trouble_.empty()) {
    troubles.push_back(absl::StrCat("its head cannot be kept: ", head_trouble_));
  }
  return absl::StrJoin(troubles, "; ");
}

absl::Status AuditWriter::TryCommit(const std::vector<const AuditRecord*>& records,
                                    std::uint64_t dropped) {
  if (absl::Status status = Prepare(); !status.ok()) return status;
  AuditMark mark = mark_;
  std::string text = Notes(dropped, mark);
  for (const AuditRecord* record : records) {
    text += WriteAuditLine(key_, record->time, record->entry, mark);
  }
  return text.empty() ? absl::OkStatus() : Put(text, mark);
}

absl::Status AuditWriter::Prepare() {
  if (torn_) {
    const absl::StatusOr<std::uint64_t> size = file_.Size();
    if (!size.ok()) return size.status();
    // Cutting must not make the file longer.
    if (*size < size_) {
      torn_ = open_ = false;
      return Foreign("another program cut it off");
    }
    if (absl::Status status = file_.CutTo(size_); !status.ok()) return status;
    torn_ = false;
  }
  return open_ ? CheckUnchanged() : OpenFile();
}

absl::Status AuditWriter::CheckUnchanged() {
  const absl::StatusOr<std::uint64_t> size = file_.Size();
  if (!size.ok()) return size.status();
  if (*size == size_) return absl::OkStatus();
  open_ = false;
  return Foreign("another program changed it");
}

absl::Status AuditWriter::OpenFile() {
  if (opened_) {
    const absl::StatusOr<AuditFilePlace> before = file_.Place();
    moved_ = moved_ || (before.ok() && *before == AuditFilePlace::kMoved);
  }
  if (absl::Status status = file_.Open(); !status.ok()) return status;
  opened_ = true;
  if (!head_known_) {
    if (absl::Status status = LoadHead(); !status.ok()) return status;
  }
  const absl::StatusOr<std::uint64_t> size = file_.Size();
  if (!size.ok()) return size.status();
  if (*size == 0 && !head_known_ && !mark_known_) {
    return absl::UnavailableError(
        "it is empty, and its head is not known until the session store is open: a new chain would "
        "hide a log that was removed");
  }
  size_ = 0;
  begins_ = true;
  if (*size > 0) {
    if (absl::Status status = Adopt(*size); !status.ok()) return status;
  }
  mark_known_ = true;
  open_ = true;
  return absl::OkStatus();
}

// A log that was taken over before its head was known must have had the line of the head then. If
// not, its tail was cut off: the head becomes the known end, which the file does not have.
absl::Status AuditWriter::LoadHead() {
  const absl::StatusOr<absl::optional<AuditMark>> head = head_.Load();
  if (!head.ok()) return head.status();
  if (!head->has_value()) return absl::OkStatus();
  head_known_ = true;
  const AuditMark& known = **head;
  if (mark_known_ && known.sequence == 0) {
    head_lost_ = true;
    return absl::OkStatus();
  }
  const bool had_it = known.sequence < taken_over_.sequence ||
                      (known.sequence == taken_over_.sequence && known.mac == taken_over_.mac);
  if (mark_known_ && had_it) {
    head_trouble_ = std::string(head_.Store(mark_).message());
  } else {
    mark_ = known;
  }
  return absl::OkStatus();
}

// Takes over a file of `size` bytes if its end is the end of the log.
absl::Status AuditWriter::Adopt(std::uint64_t size) {
  const absl::StatusOr<std::string> tail = file_.Tail(kTailBytes);
  if (!tail.ok()) return tail.status();
  absl::string_view text = *tail;
  const std::size_t end = text.rfind('\n');
  const absl::string_view torn = text.substr(end == absl::string_view::npos ? 0 : end + 1);
  text.remove_suffix(torn.size());
  if (!text.empty()) {
    if (absl::Status status = AdoptEnd(text); !status.ok()) return status;
  } else if (size > kTailBytes || !MayBeginLine(torn)) {
    return Foreign("it is not an audit log");
  }
  size_ = size - torn.size();
  if (torn.empty()) return absl::OkStatus();
  torn_ = true;
  trouble_ = absl::StrCat("a write that was cut off: ", torn.size(), " bytes were cut away");
  return Prepare();
}

absl::Status AuditWriter::AdoptEnd(absl::string_view text) {
  const absl::optional<AuditLine> last = TakeLastLine(text);
  if (!last.has_value()) return Foreign("it is not an audit log");
  absl::optional<AuditMac> previous = OwnPrevious(*last);
  if (!previous.has_value()) {
    const absl::optional<AuditLine> before = TakeLastLine(text);
    if (before.has_value()) previous = before->mark.mac;
  }
  if (!previous.has_value() || !IsChained(key_, *previous, *last)) {
    return Foreign("its last line was changed, or written under another key");
  }
  if (absl::Status status = CheckAgainstKnown(*last); !status.ok()) return status;
  // A head of sequence 0 does not define the end of the file.
  if (head_known_ && mark_.sequence == 0) head_lost_ = true;
  mark_ = last->mark;
  if (!mark_known_) taken_over_ = mark_;
  begins_ = false;
  return absl::OkStatus();
}

// Before the first commit the known end is the head's, which may lag behind.
absl::Status AuditWriter::CheckAgainstKnown(const AuditLine& last) const {
  if (last.mark.sequence < mark_.sequence) {
    return Foreign(absl::StrCat("it ends at sequence ", last.mark.sequence, ", and up to ",
                                mark_.sequence, " was written"));
  }
  const bool same = last.mark.sequence == mark_.sequence && last.mark.mac == mark_.mac;
  if (same || (!mark_known_ && last.mark.sequence > mark_.sequence)) return absl::OkStatus();
  return Foreign("its last line is not the one that was written last");
}

std::string AuditWriter::Notes(std::uint64_t dropped, AuditMark& mark) {
  const absl::Time now = clock_.Now();
  std::string notes;
  if (begins_ && mark.sequence == 0) {
    notes += WriteAuditNote(key_, now, AuditNote::kStart, random_.Uid(), 0, mark);
    const std::vector<std::string> earlier = file_.ListSetAside();
    if (!earlier.empty()) {
      notes +=
          WriteAuditNote(key_, now, AuditNote::kSetAside, absl::StrJoin(earlier, ", "), 0, mark);
    }
  } else if (begins_) {
    notes += WriteAuditNote(key_, now, AuditNote::kContinues, "", 0, mark);
    if (!moved_) notes += WriteAuditNote(key_, now, AuditNote::kFileLost, kFileLost, 0, mark);
  }
  if (head_lost_ && !head_noted_) {
    notes += WriteAuditNote(key_, now, AuditNote::kHeadLost, kHeadLost, 0, mark);
  }
  if (!trouble_.empty()) {
    notes += WriteAuditNote(key_, now, AuditNote::kRecovered, trouble_, lost_, mark);
  }
  if (dropped > 0) notes += WriteAuditNote(key_, now, AuditNote::kDropped, "", dropped, mark);
  return notes;
}

absl::Status AuditWriter::Put(const std::string& text, const AuditMark& mark) {
  torn_ = true;
  if (absl::Status status = file_.Append(text); !status.ok()) return status;
  if (absl::Status status = file_.Sync(); !status.ok()) return status;
  const absl::StatusOr<AuditFilePlace> place = file_.Place();
  if (!place.ok()) return place.status();
  // A renamed file keeps its lines; the next commit continues at the path.
  if (*place != AuditFilePlace::kInPlace) open_ = false;
  if (*place == AuditFilePlace::kDeleted) {
    torn_ = false;
    return absl::UnavailableError("it was deleted; a new one is made at the next try");
  }
  torn_ = false;
  begins_ = false;
  moved_ = *place == AuditFilePlace::kMoved;
  head_noted_ = head_lost_;
  size_ += text.size();
  mark_ = mark;
  if (head_known_) head_trouble_ = std::string(head_.Store(mark_).message());
  return absl::OkStatus();
}

}  // namespace billbroker
