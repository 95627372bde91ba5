// AuditWriter: writes lines to the audit log's file, and keeps the end of its chain.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/access/audit/audit_file.h"
#include "server/access/audit/audit_head.h"
#include "server/access/audit/audit_key.h"
#include "server/access/audit/audit_line.h"
#include "vault/base/clock.h"
#include "vault/base/random.h"

namespace billbroker {

struct AuditRecord {
  absl::Time time;
  AuditEntry entry;
  bool returns = false;  // after an error it is queued again, so it is not lost
};

// Used by one thread. Every call may block it for as long as the device does.
class AuditWriter final {
 public:
  // Borrows all arguments except the key.
  AuditWriter(AuditKey key, AuditFile& file, AuditHead& head, const Clock& clock, Random& random)
      : key_(std::move(key)), file_(file), head_(head), clock_(clock), random_(random) {}

  // Writes `records` in order, after a note with the number of `dropped` entries unless that is 0.
  // Returns OK once all of it is on the disk; after an error none of it is part of the log. Without
  // records it checks whether the log can be written, if that is in doubt.
  //
  // Fails with kUnavailable; the message has the cause and the fix. The next call tries again.
  [[nodiscard]] absl::Status Commit(const std::vector<const AuditRecord*>& records,
                                    std::uint64_t dropped);

  // Returns the end of the chain on the disk; unset while it is not known.
  [[nodiscard]] absl::optional<AuditMark> end() const {
    return head_known_ ? absl::optional<AuditMark>(mark_) : absl::nullopt;
  }

  // Makes the next Commit() check the file at the path.
  void Reopen() { open_ = false; }

  // Returns the reason for which a lost tail might not be detected: the separate head lags behind,
  // is not known yet, or was missing when this process took over the file (reported as long as the
  // process lives). Empty if none applies.
  [[nodiscard]] std::string head_trouble() const;

 private:
  absl::Status TryCommit(const std::vector<const AuditRecord*>& records, std::uint64_t dropped);
  absl::Status Prepare();
  absl::Status OpenFile();
  absl::Status LoadHead();
  absl::Status Adopt(std::uint64_t size);
  absl::Status AdoptEnd(absl::string_view text);
  absl::Status CheckAgainstKnown(const AuditLine& last) const;
  absl::Status CheckUnchanged();
  std::string Notes(std::uint64_t dropped, AuditMark& mark);
  absl::Status Put(const std::string& text, const AuditMark& mark);

  const AuditKey key_;
  AuditFile& file_;
  AuditHead& head_;
  const Clock& clock_;
  Random& random_;

  bool open_ = false;
  bool opened_ = false;      // this process opened a file before
  bool moved_ = false;       // the previous file was renamed: its lines are safe
  bool torn_ = false;        // bytes after `size_` may not be part of the log
  bool begins_ = false;      // the file has no line yet
  bool head_known_ = false;  // `mark_` is at least the head's
  bool mark_known_ = false;  // false: it is the head's, which may lag behind the file
  AuditMark mark_;
  AuditMark taken_over_;    // the file's end at the start
  std::uint64_t size_ = 0;  // of the part of the file that ends with `mark_`
  std::string trouble_;     // the error of the last Commit(); empty if it succeeded
  std::uint64_t lost_ = 0;  // records since then
  std::string head_trouble_;
  bool head_lost_ = false;   // the file was accepted without a head
  bool head_noted_ = false;  // and a line records it
};

}  // namespace billbroker
