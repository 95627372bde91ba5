// AuditVerifier: whether anything was done to an audit log behind the broker's back.
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
  kInserted,     // the line was put in: foreign, or the copy of another
  kChainBroken,  // this file does not go on from the one before, or a chain starts in mid-log
  kTruncated,    // lines are missing at the end: the head kept apart says so
  kRewritten,    // the line at the head's sequence is not the one that the head was kept of
  kTorn,         // the last line has no end, as after a crash in mid-write: no sign of tampering
  kWrongKey,     // no line at all was written under this key
  kHeadLost,     // the line says that the head kept apart was lost: lines may be missing before it
  kFileLost,     // the line says that nobody saw where the file before went, and it was not given
};

// "changed", "removed", …
[[nodiscard]] absl::string_view AuditFaultName(AuditFault fault);

struct AuditFinding {
  AuditFault fault;
  std::string file;
  std::uint64_t line;  // counted from 1
  std::string what;    // for people; holds nothing of the line but its sequence
};

// One file, read to its end. `name` is for findings.
struct AuditSource {
  std::string name;
  std::istream& text;
};

struct AuditReport {
  std::vector<AuditFinding> findings;  // empty where all is well; kMostFindings at most
  bool gave_up = false;                // there were more; the rest was not looked at
  std::uint64_t lines = 0;             // that were looked at
  // Of the first and last lines. A first one above 1 means that earlier files were not given.
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
};

// Takes files in the order in which they were written: at least one. Each may be read alone: a file
// after a rotation says which line it goes on from. Takes no more memory however much it is given.
// Not thread-safe.
class AuditVerifier final {
 public:
  static constexpr std::size_t kMostFindings = 1000;

  // `key` is borrowed. Without `head` a tail that was cut off cleanly cannot be told from the end.
  AuditVerifier(const AuditKey& key, const absl::optional<AuditMark>& head);
  ~AuditVerifier();
  AuditVerifier(const AuditVerifier&) = delete;
  AuditVerifier& operator=(const AuditVerifier&) = delete;

  // `name` is for findings.
  void BeginFile(std::string name);
  // The file's next bytes, cut anywhere.
  void Add(absl::string_view bytes);
  // There is too much to find: what else is given makes no difference.
  [[nodiscard]] bool gave_up() const;
  [[nodiscard]] AuditReport Finish();

 private:
  class Walk;

  void EndFile();

  const std::unique_ptr<Walk> walk_;
  std::string line_;           // begun, but not more than the longest that may be ours
  std::size_t line_size_ = 0;  // all of it
};

// All of `files` at once.
[[nodiscard]] AuditReport VerifyAudit(const AuditKey& key, const std::vector<AuditSource>& files,
                                      const absl::optional<AuditMark>& head);

}  // namespace billbroker
