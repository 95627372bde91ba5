#include "server/access/audit/audit_verify.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

bool Is(const AuditLine& line, AuditNote note) { return line.kind == AuditNoteName(note); }

std::string Range(std::uint64_t first, std::uint64_t last) {
  if (first == last) return absl::StrCat("line of sequence ", first);
  return absl::StrCat("lines of sequence ", first, " to ", last);
}

}  // namespace

// Follows the chain of lines. A line that does not fit becomes a suspect until the next line: if
// the next line follows the suspect, the suspect was changed; if it follows the line before the
// suspect, the suspect was inserted.
class AuditVerifier::Walk final {
 public:
  Walk(const AuditKey& key, const absl::optional<AuditMark>& head) : key_(key), head_(head) {}

  void BeginFile(std::string name) {
    file_ = std::move(name);
    line_ = 0;
  }
  void Next(const std::string& text);
  void Torn(std::size_t bytes) {
    ++line_;
    Settle();
    Find(AuditFault::kTorn, Here(), absl::StrCat("its last ", bytes, " bytes have no end of line"));
  }
  [[nodiscard]] bool gave_up() const { return report_.gave_up; }
  [[nodiscard]] AuditReport End();

 private:
  struct Place {
    std::string file;
    std::uint64_t line;
  };

  struct Suspect {
    Place place;
    absl::optional<AuditLine> read;  // unset if it is not a valid line
  };

  struct Gap {
    std::uint64_t first;
    std::uint64_t left;  // not found elsewhere yet
    std::size_t finding;
  };

  [[nodiscard]] Place Here() const { return {file_, line_}; }
  bool Follows(const AuditLine& line) const;
  bool BeginsFile(const AuditLine& line);
  void Accept(const AuditLine& line, const Place& place);
  void Settle();
  void FindGap(const Place& before, std::uint64_t last);
  void FindInserted(const Suspect& suspect);
  void FindOld(const AuditLine& line);
  void CheckHead();
  // Adds a finding. All findings go through here, which bounds the memory for them. Returns its
  // index among the findings; nullopt once there are too many.
  absl::optional<std::size_t> Find(AuditFault fault, Place place, std::string what);

  const AuditKey& key_;
  const absl::optional<AuditMark> head_;
  AuditReport report_;
  std::string file_;
  std::uint64_t line_ = 0;
  std::uint64_t expected_ = 0;         // 0 before the first line
  absl::optional<AuditMac> previous_;  // unset if not known: the next line cannot be checked
  absl::optional<Suspect> suspect_;
  std::uint64_t genuine_ = 0;  // lines that were certainly written under the key
  absl::optional<AuditMac> at_head_;
  // Missing sequences, by the last one of each gap, and lines out of their place, each with its
  // finding. A line that is in both was moved.
  std::map<std::uint64_t, Gap> gaps_;
  std::map<std::uint64_t, std::size_t> displaced_;
};

bool AuditVerifier::Walk::Follows(const AuditLine& line) const {
  if (line.mark.sequence != expected_ || Is(line, AuditNote::kStart)) return false;
  return !previous_.has_value() || IsChained(key_, *previous_, line);
}

absl::optional<std::size_t> AuditVerifier::Walk::Find(AuditFault fault, Place place,
                                                      std::string what) {
  report_.gave_up = report_.gave_up || report_.findings.size() >= kMostFindings;
  if (report_.gave_up) return absl::nullopt;
  report_.findings.push_back({fault, std::move(place.file), place.line, std::move(what)});
  return report_.findings.size() - 1;
}

// Accepts a file's first line by its own statement of the previous MAC.
bool AuditVerifier::Walk::BeginsFile(const AuditLine& line) {
  if (line_ != 1) return false;
  const bool start = Is(line, AuditNote::kStart) && line.mark.sequence == 1;
  if (!start && !line.previous.has_value()) return false;
  if (!IsChained(key_, start ? AuditMac{} : *line.previous, line)) return false;
  ++genuine_;
  Settle();
  if (expected_ != 0) {
    Find(AuditFault::kChainBroken, Here(),
         start ? std::string("a chain of its own starts here")
               : absl::StrCat("goes on from sequence ", line.mark.sequence - 1,
                              ", and the file before ends at ", expected_ - 1));
  }
  Accept(line, Here());
  return true;
}

void AuditVerifier::Walk::Accept(const AuditLine& line, const Place& place) {
  if (report_.first_sequence == 0) report_.first_sequence = line.mark.sequence;
  report_.last_sequence = line.mark.sequence;
  expected_ = line.mark.sequence + 1;
  previous_ = line.mark.mac;
  if (head_.has_value() && line.mark.sequence == head_->sequence) at_head_ = line.mark.mac;
  if (Is(line, AuditNote::kHeadLost)) {
    Find(AuditFault::kHeadLost, place,
         "was written with the head lost: a tail that was cut off before it is not found out; "
         "compare the lines before it with a copy kept elsewhere");
  }
  // If the previous file was given, the line is not a fault: the chain continues.
  if (Is(line, AuditNote::kFileLost) && report_.first_sequence + 1 == line.mark.sequence) {
    Find(AuditFault::kFileLost, place,
         absl::StrCat("was written with the file before gone, which had the lines up to sequence ",
                      report_.first_sequence - 1, ": give that file too, or they are lost"));
  }
}

void AuditVerifier::Walk::Next(const std::string& text) {
  ++line_;
  ++report_.lines;
  Suspect next{Here(), ParseAuditLine(text)};
  for (int tries = 0; tries < 2; ++tries) {
    if (next.read.has_value() && Follows(*next.read)) {
      if (previous_.has_value()) ++genuine_;
      if (suspect_.has_value()) FindInserted(*std::exchange(suspect_, absl::nullopt));
      Accept(*next.read, next.place);
      return;
    }
    if (!suspect_.has_value()) break;
    Settle();
  }
  if (next.read.has_value() && BeginsFile(*next.read)) return;
  if (next.read.has_value() && expected_ != 0 && next.read->mark.sequence < expected_) {
    FindOld(*next.read);
    return;
  }
  suspect_ = std::move(next);
}

// Reports the suspect: its sequence is as read, but its text was changed.
void AuditVerifier::Walk::Settle() {
  if (!suspect_.has_value()) return;
  const Suspect suspect = *std::exchange(suspect_, absl::nullopt);
  if (!suspect.read.has_value()) {
    Find(AuditFault::kChanged, suspect.place, "is not a line of an audit log");
    previous_.reset();
    if (expected_ != 0) ++expected_;
    return;
  }
  const std::uint64_t sequence = suspect.read->mark.sequence;
  if (expected_ == 0) {
    Find(AuditFault::kRemoved, suspect.place,
         "the log does not begin here: the lines before are missing, or this one was changed");
  } else if (sequence > expected_) {
    FindGap(suspect.place, sequence - 1);
  } else {
    Find(AuditFault::kChanged, suspect.place,
         absl::StrCat(Range(sequence, sequence), " was changed"));
  }
  Accept(*suspect.read, suspect.place);
}

void AuditVerifier::Walk::FindGap(const Place& before, std::uint64_t last) {
  const std::uint64_t first = expected_;
  std::uint64_t moved = 0;
  for (auto it = displaced_.lower_bound(first); it != displaced_.end() && it->first <= last; ++it) {
    AuditFinding& finding = report_.findings[it->second];
    finding.fault = AuditFault::kReordered;
    finding.what = absl::StrCat(Range(it->first, it->first), " was moved here");
    ++moved;
  }
  if (moved == last - first + 1) return;
  const absl::optional<std::size_t> found =
      Find(AuditFault::kRemoved, before, absl::StrCat(Range(first, last), " missing before it"));
  if (found.has_value()) gaps_[last] = {first, last - first + 1 - moved, *found};
}

void AuditVerifier::Walk::FindInserted(const Suspect& suspect) {
  const absl::optional<std::size_t> found = Find(
      AuditFault::kInserted, suspect.place, "was put in: the lines around it follow each other");
  if (found.has_value() && suspect.read.has_value()) {
    displaced_[suspect.read->mark.sequence] = *found;
  }
}

// Reports a line with a sequence that was passed already.
void AuditVerifier::Walk::FindOld(const AuditLine& line) {
  const std::uint64_t sequence = line.mark.sequence;
  const auto gap = gaps_.lower_bound(sequence);
  if (gap == gaps_.end() || sequence < gap->second.first) {
    Find(AuditFault::kInserted, Here(),
         absl::StrCat(Range(sequence, sequence), " was there before"));
    return;
  }
  std::string what = absl::StrCat(Range(sequence, sequence), " was moved here");
  if (--gap->second.left > 0) {
    Find(AuditFault::kReordered, Here(), std::move(what));
    return;
  }
  // The position of its lines replaces the gap's finding.
  report_.findings[gap->second.finding] = {AuditFault::kReordered, file_, line_, std::move(what)};
  gaps_.erase(gap);
}

void AuditVerifier::Walk::CheckHead() {
  if (!head_.has_value() || head_->sequence == 0) return;
  if (report_.last_sequence < head_->sequence) {
    Find(AuditFault::kTruncated, Here(),
         absl::StrCat("ends at sequence ", report_.last_sequence, ", and the broker wrote up to ",
                      head_->sequence));
  } else if (at_head_.has_value() && *at_head_ != head_->mac) {
    Find(AuditFault::kRewritten, Here(),
         absl::StrCat(Range(head_->sequence, head_->sequence),
                      " is not the one that the broker wrote"));
  }
}

AuditReport AuditVerifier::Walk::End() {
  Settle();
  if (report_.lines > 0 && genuine_ == 0) {
    report_.findings = {{AuditFault::kWrongKey, file_, 1,
                         "no line that was looked at was written under this key: it is another "
                         "keyring's log, or it was rewritten"}};
    return std::move(report_);
  }
  if (!report_.gave_up) CheckHead();
  return std::move(report_);
}

absl::string_view AuditFaultName(AuditFault fault) {
  switch (fault) {
    case AuditFault::kChanged:
      return "changed";
    case AuditFault::kRemoved:
      return "removed";
    case AuditFault::kReordered:
      return "reordered";
    case AuditFault::kInserted:
      return "inserted";
    case AuditFault::kChainBroken:
      return "chain broken";
    case AuditFault::kTruncated:
      return "truncated";
    case AuditFault::kRewritten:
      return "rewritten";
    case AuditFault::kTorn:
      return "torn";
    case AuditFault::kWrongKey:
      return "wrong key";
    case AuditFault::kHeadLost:
      return "head lost";
    case AuditFault::kFileLost:
      return "file lost";
  }
  return "";
}

AuditVerifier::AuditVerifier(const AuditKey& key, const absl::optional<AuditMark>& head)
    : walk_(std::make_unique<Walk>(key, head)) {}

AuditVerifier::~AuditVerifier() = default;

void AuditVerifier::BeginFile(std::string name) {
  if (gave_up()) return;
  EndFile();
  walk_->BeginFile(std::move(name));
}

void AuditVerifier::Add(absl::string_view bytes) {
  while (!gave_up()) {
    const std::size_t end = bytes.find('\n');
    const absl::string_view piece = bytes.substr(0, end);
    line_size_ += piece.size();
    absl::StrAppend(&line_, piece.substr(0, kLongestAuditLine - line_.size()));
    if (end == absl::string_view::npos) return;
    walk_->Next(line_);
    line_.clear();
    line_size_ = 0;
    bytes.remove_prefix(end + 1);
  }
}

bool AuditVerifier::gave_up() const { return walk_->gave_up(); }

void AuditVerifier::EndFile() {
  if (line_size_ > 0) walk_->Torn(line_size_);
  line_.clear();
  line_size_ = 0;
}

AuditReport AuditVerifier::Finish() {
  if (!gave_up()) EndFile();
  return walk_->End();
}

AuditReport VerifyAudit(const AuditKey& key, const std::vector<AuditSource>& files,
                        const absl::optional<AuditMark>& head) {
  constexpr std::size_t kPieceBytes = 1 << 16;
  AuditVerifier verifier(key, head);
  std::string piece;
  for (const AuditSource& file : files) {
    verifier.BeginFile(file.name);
    do {
      piece.resize(kPieceBytes);
      file.text.read(piece.data(), static_cast<std::streamsize>(piece.size()));
      verifier.Add(absl::string_view(piece.data(), static_cast<std::size_t>(file.text.gcount())));
    } while (file.text && !verifier.gave_up());
  }
  return verifier.Finish();
}

}  // namespace billbroker
