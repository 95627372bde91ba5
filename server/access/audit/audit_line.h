// The lines of the audit log: writes and reads them.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/access/audit/audit_entry.h"
#include "server/access/audit/audit_key.h"

namespace billbroker {

// The end of a chain: its last line. `sequence` is 0 before the first line.
struct AuditMark {
  std::uint64_t sequence = 0;
  AuditMac mac{};
};

// Lines about the log itself.
enum class AuditNote {
  kStart,      // a chain's first line; `text`: the chain's id
  kContinues,  // a file's first line, of a chain that began in another file
  kRecovered,  // lines can be written again; `text`: the cause, `count`: lost entries
  kDropped,    // `count`: entries without a waiting caller, lost because the queue was full
  kHeadLost,   // the separate head was missing, and the file was accepted; `text`: the consequence
  kFileLost,   // after kContinues: the previous file was not seen to be renamed; `text`: likewise
  kSetAside,   // after kStart: earlier logs were set aside; `text`: their names
};

[[nodiscard]] absl::string_view AuditNoteName(AuditNote note);

// Returns one line with its end, chained to `mark`, and moves `mark` to it. All members are in a
// fixed order:
//   {"sequence":7,"time":"2026-11-25T00:30:00.123456Z","kind":"sign_in",…,"mac":"64 digits"}
// The MAC covers the MAC of the previous line and the bytes before ,"mac".
[[nodiscard]] std::string WriteAuditLine(const AuditKey& key, absl::Time time,
                                         const AuditEntry& entry, AuditMark& mark);
[[nodiscard]] std::string WriteAuditNote(const AuditKey& key, absl::Time time, AuditNote note,
                                         absl::string_view text, std::uint64_t count,
                                         AuditMark& mark);

inline constexpr std::size_t kLongestAuditLine = 16384;  // bytes, its end included

struct AuditLine {
  AuditMark mark;    // of this line
  std::string kind;  // AuditEventName() or AuditNoteName()
  std::string body;  // the bytes that the MAC covers, without the previous line's MAC
  absl::optional<AuditMac> previous;  // of a line "continues": the MAC that it is chained to
};

// Parses one line without its end. The line may be hostile; returns nullopt if it is not a valid
// line. The MAC is parsed and not checked.
[[nodiscard]] absl::optional<AuditLine> ParseAuditLine(absl::string_view line);

// Returns when the line was written; nullopt if it has no valid time.
[[nodiscard]] absl::optional<absl::Time> TimeOf(const AuditLine& line);

// Returns the entry of a line of kind AuditEventName(kSignIn), with the members that name the
// sign-in and its outcome; nullopt for any other line.
[[nodiscard]] absl::optional<AuditEntry> ReadSignIn(const AuditLine& line);

// Returns true if `line` was written under `key` after a line with the MAC `previous`.
[[nodiscard]] bool IsChained(const AuditKey& key, const AuditMac& previous, const AuditLine& line);

}  // namespace billbroker
