// AuditVerifier: detects changes to an audit log by other programs.
#pragma once

#include <cstdint>
#include <istream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "server/access/audit/audit_key.h"
#include "server/access/audit/audit_line.h"

namespace billbroker {

enum class AuditFault {
  kChanged,      // the line is not as it was written
  kRemoved,      // lines are missing before this one
  kReordered,    // the line stands elsewhere than it was written
  kInserted,     // the line was inserted: foreign, or the copy of another
  kChainBroken,  // this file does not continue the previous one, or a chain starts in mid-log
  kTruncated,    // lines are missing at the end, according to the separate head
  kRewritten,    // the line at the head's sequence is not the line of the head
  kTorn,         // the last line has no end, as after a crash in mid-write: not a sign of tampering
  kWrongKey,     // no line at all was written under this key
  kHeadLost,     // the line records that the separate head was lost: earlier lines may be missing
  kFileLost,     // the line records that the previous file, not given here, was not seen renamed
};

// Returns "changed", "removed", …
[[nodiscard]] absl::string_view AuditFaultName(AuditFault fault);

struct AuditFinding {
  AuditFault fault;
  std::string file;
  std::uint64_t line;  // counted from 1
  std::string what;    // for people; contains only the sequence of the line
};

// One file, read to its end. `name` appears in findings.
struct AuditSource {
  std::string name;
  std::istream& text;
};

struct AuditReport {
  std::vector<AuditFinding> findings;  // empty if there is no fault; at most kMostFindings
  bool gave_up = false;                // there were more; the rest was not checked
  std::uint64_t lines = 0;             // checked
  // Of the first and last lines. If the first is above 1, earlier files were not given.
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
};

// Takes one or more files in the order in which they were written. Each may be read alone, because
// a file after a rotation names the line that it continues. Its memory use is bounded. Not
// thread-safe.
class AuditVerifier final {
 public:
  static constexpr std::size_t kMostFindings = 1000;

  // Borrows `key`. Without `head`, a tail that was cut off cleanly looks like the end.
  AuditVerifier(const AuditKey& key, const absl::optional<AuditMark>& head);
  ~AuditVerifier();
  AuditVerifier(const AuditVerifier&) = delete;
  AuditVerifier& operator=(const AuditVerifier&) = delete;

  // Begins a file; `name` appears in findings.
  void BeginFile(std::string name);
  // Adds the file's next bytes, cut anywhere.
  void Add(absl::string_view bytes);
  // Returns true if there are too many findings: further input makes no difference.
  [[nodiscard]] bool gave_up() const;
  [[nodiscard]] AuditReport Finish();

 private:
  class Walk;

  void EndFile();

  const std::unique_ptr<Walk> walk_;
  std::string line_;           // its beginning, up to the longest valid line
  std::size_t line_size_ = 0;  // of the whole line
};

// Verifies all of `files` at once.
[[nodiscard]] AuditReport VerifyAudit(const AuditKey& key, const std::vector<AuditSource>& files,
                                      const absl::optional<AuditMark>& head);

}  // namespace billbroker
