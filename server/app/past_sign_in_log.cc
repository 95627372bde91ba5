#include "server/app/past_sign_in_log.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <system_error>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace billbroker {
namespace {

constexpr std::size_t kFirstTail = std::size_t{1} << 20;
constexpr int kMostFiles = 64;
constexpr char kBrokerItself[] = "broker";  // the principal of a sign-in that no caller asked for

PastSignIn ToPastSignIn(const AuditEntry& entry, absl::Time time) {
  PastSignIn sign_in;
  sign_in.credential = entry.credential;
  sign_in.version = entry.version;
  sign_in.organization_id = entry.organization;
  sign_in.dev_key_id = entry.dev_key_id;
  if (entry.principal != kBrokerItself) sign_in.principal = entry.principal;
  sign_in.time = time;
  return sign_in;
}

// Joins each outcome to the oldest intent of the same sign-in that has none.
class Pairs final {
 public:
  void Add(const AuditEntry& entry, absl::Time time) {
    std::deque<std::size_t>& open =
        open_[{entry.request_id, entry.credential, entry.organization, entry.version}];
    if (entry.phase == AuditPhase::kIntent) {
      open.push_back(sign_ins_.size());
      sign_ins_.push_back(ToPastSignIn(entry, time));
      return;
    }
    std::size_t which = sign_ins_.size();
    if (open.empty()) {
      sign_ins_.push_back(ToPastSignIn(entry, time));
    } else {
      which = open.front();
      open.pop_front();
    }
    PastSignIn& sign_in = sign_ins_[which];
    sign_in.time = time;
    sign_in.reason = entry.reason;
    sign_in.outcome = entry.outcome == absl::StatusCodeToString(absl::StatusCode::kOk)
                          ? PastSignIn::Outcome::kAccepted
                          : PastSignIn::Outcome::kFailed;
  }
  std::vector<PastSignIn> Take() && { return std::move(sign_ins_); }

 private:
  // Request id, credential, organization, version.
  using Key = std::tuple<std::string, std::string, std::string, std::uint64_t>;

  std::vector<PastSignIn> sign_ins_;
  std::map<Key, std::deque<std::size_t>> open_;  // places in `sign_ins_`
};

bool IsStart(const AuditLine& line) { return line.kind == AuditNoteName(AuditNote::kStart); }

}  // namespace

absl::StatusOr<std::vector<PastSignIn>> PastSignInLog::Since(absl::Time since) {
  std::vector<Part> parts;  // the newest first
  std::string path = path_;
  while (true) {
    absl::StatusOr<Part> part = ReadPart(path, since);
    if (!part.ok()) return part.status();
    parts.push_back(*std::move(part));
    if (parts.back().reaches) break;
    const AuditLine& first = parts.back().lines.front();
    const absl::StatusOr<std::string> before = FindFileBefore(*first.previous);
    if (!before.ok()) return before.status();
    if (parts.size() == kMostFiles) {
      return absl::UnavailableError(absl::StrCat("the past hour is in more than ", kMostFiles,
                                                 " files; rotate ", path_, " less often"));
    }
    path = *before;
  }
  Pairs pairs;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    for (const AuditLine& line : part->lines) {
      const absl::optional<AuditEntry> entry = ReadSignIn(line);
      if (!entry.has_value()) continue;
      const absl::optional<absl::Time> time = TimeOf(line);
      if (time.has_value() && *time >= since) pairs.Add(*entry, *time);
    }
  }
  return std::move(pairs).Take();
}

absl::StatusOr<PastSignInLog::Part> PastSignInLog::ReadPart(const std::string& path,
                                                            absl::Time since) const {
  Part part;
  bool whole = false;
  for (std::size_t bytes = kFirstTail; !whole && !part.reaches; bytes *= 4) {
    absl::StatusOr<std::vector<AuditLine>> lines = ReadTail(path, bytes, whole);
    if (!lines.ok()) return lines.status();
    part.lines = *std::move(lines);
    if (part.lines.empty()) continue;
    const absl::optional<absl::Time> first = TimeOf(part.lines.front());
    part.reaches = (first.has_value() && *first < since) || IsStart(part.lines.front());
  }
  if (part.lines.empty()) {
    return absl::UnavailableError(absl::StrCat(path, " has no line"));
  }
  if (!part.reaches && !part.lines.front().previous.has_value()) {
    return absl::DataLossError(absl::StrCat(path, " does not begin like an audit log"));
  }
  return part;
}

absl::StatusOr<std::vector<AuditLine>> PastSignInLog::ReadTail(const std::string& path,
                                                               std::size_t bytes,
                                                               bool& whole) const {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return absl::UnavailableError(absl::StrCat(path, " cannot be read"));
  const auto size = static_cast<std::size_t>(file.tellg());
  whole = size <= bytes;
  file.seekg(static_cast<std::streamoff>(whole ? 0 : size - bytes));
  std::string text(whole ? size : bytes, '\0');
  if (!file.read(text.data(), static_cast<std::streamsize>(text.size()))) {
    return absl::UnavailableError(absl::StrCat(path, " cannot be read"));
  }
  // A line without an end is being written, or a crash cut it off.
  text.resize(text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1);
  if (!whole)
    text.erase(0, text.find('\n') == std::string::npos ? text.size() : text.find('\n') + 1);
  std::vector<AuditLine> lines;
  for (const absl::string_view each : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    absl::optional<AuditLine> line = ParseAuditLine(each);
    absl::optional<AuditMac> before;
    if (!lines.empty()) before = lines.back().mark.mac;
    if (lines.empty() && line.has_value()) before = IsStart(*line) ? AuditMac{} : line->previous;
    // The first line of a part of a file shows nothing of the line before it.
    const bool checkable = before.has_value() || whole;
    if (!line.has_value() ||
        (checkable && !(before.has_value() && IsChained(key_, *before, *line)))) {
      return absl::DataLossError(
          absl::StrCat(path,
                       " was changed, or written under another key; see 'billbroker audit "
                       "verify'"));
    }
    lines.push_back(*std::move(line));
  }
  return lines;
}

absl::StatusOr<std::string> PastSignInLog::FindFileBefore(const AuditMac& last) const {
  const std::filesystem::path own(path_);
  std::error_code error;
  std::filesystem::directory_iterator each(own.parent_path(), error);
  for (; !error && each != std::filesystem::directory_iterator(); each.increment(error)) {
    const std::filesystem::path& path = each->path();
    std::error_code ignored;
    if (path == own || !absl::StartsWith(path.filename().string(), own.filename().string()) ||
        !each->is_regular_file(ignored)) {
      continue;
    }
    bool whole = false;
    const absl::StatusOr<std::vector<AuditLine>> lines =
        ReadTail(path.string(), kLongestAuditLine * 2, whole);
    if (lines.ok() && !lines->empty() && lines->back().mark.mac == last) return path.string();
  }
  return absl::UnavailableError(absl::StrCat(
      path_, " does not have the whole past hour, and the file before it is not in its folder"));
}

}  // namespace billbroker
