// The lines of the audit log: how an entry is written and how a line is read.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/access/audit/audit_entry.h"
#include "server/access/audit/audit_key.h"

namespace billbroker {

// Where a chain stands: its last line. `sequence` is 0 before the first.
struct AuditMark {
  std::uint64_t sequence = 0;
  AuditMac mac{};
};

// What the log says about itself, apart from entries.
enum class AuditNote {
  kStart,      // a chain's first line; `text`: the chain's id
  kContinues,  // a file's first line, of a chain that began in another file
  kRecovered,  // lines can be written again; `text`: why not, `count`: entries lost
  kDropped,    // `count`: entries that nobody waited for, lost because too many waited
  kHeadLost,   // the head kept apart was not there, and the file was taken as it was; `text`: what
               // that means
  kFileLost,   // behind kContinues: nobody saw where the file before went; `text`: what that means
};

[[nodiscard]] absl::string_view AuditNoteName(AuditNote note);

// One line with its end, chained to `mark`, which moves on to it. All members are in a fixed order:
//   {"sequence":7,"time":"2026-11-25T00:30:00.123456Z","kind":"sign_in",…,"mac":"64 digits"}
// The MAC is over the previous line's and the bytes before ,"mac".
[[nodiscard]] std::string WriteAuditLine(const AuditKey& key, absl::Time time,
                                         const AuditEntry& entry, AuditMark& mark);
[[nodiscard]] std::string WriteAuditNote(const AuditKey& key, absl::Time time, AuditNote note,
                                         absl::string_view text, std::uint64_t count,
                                         AuditMark& mark);

inline constexpr std::size_t kLongestAuditLine = 16384;  // bytes, its end included

struct AuditLine {
  AuditMark mark;                     // its own
  std::string kind;                   // AuditEventName() or AuditNoteName()
  std::string body;                   // what the MAC is over, without the previous line's
  absl::optional<AuditMac> previous;  // of a line "continues": what it is chained to
};

// Reads one line without its end, which may be hostile; nullopt where it is none of ours. The MAC
// is read, not checked.
[[nodiscard]] absl::optional<AuditLine> ParseAuditLine(absl::string_view line);

// Whether `line` was written under `key` behind a line of MAC `previous`.
[[nodiscard]] bool IsChained(const AuditKey& key, const AuditMac& previous, const AuditLine& line);

}  // namespace billbroker
