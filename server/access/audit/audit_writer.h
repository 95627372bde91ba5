// AuditWriter: the end of the audit log's chain and the file that it is in.
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
  bool returns = false;  // where it could not be written, it is given again: it is not lost
};

// Used by one thread, which every call may hold for as long as the device does.
class AuditWriter final {
 public:
  // All are borrowed but the key.
  AuditWriter(AuditKey key, AuditFile& file, AuditHead& head, const Clock& clock, Random& random)
      : key_(std::move(key)), file_(file), head_(head), clock_(clock), random_(random) {}

  // Writes `records` in order, behind a note of what was `dropped` where that is not 0. OK once
  // all of it is on the disk; after an error none of it is part of the log. Without records it
  // tries whether the log can be written, where that is in doubt.
  //
  // Errors: kUnavailable; the message names the cause and what mends it. The next call tries anew.
  [[nodiscard]] absl::Status Commit(const std::vector<const AuditRecord*>& records,
                                    std::uint64_t dropped);

  // Where the chain ends on the disk; unset while that is not known.
  [[nodiscard]] absl::optional<AuditMark> end() const {
    return head_known_ ? absl::optional<AuditMark>(mark_) : absl::nullopt;
  }

  // The next Commit() looks at what is at the file's path.
  void Reopen() { open_ = false; }

  // Why a lost tail might not be found out: the head kept apart lags behind, or was not there when
  // this process took over the file (which it says as long as it lives). Empty where neither is so.
  [[nodiscard]] std::string head_trouble() const;

 private:
  absl::Status TryCommit(const std::vector<const AuditRecord*>& records, std::uint64_t dropped);
  absl::Status Prepare();
  absl::Status OpenFile();
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
  bool opened_ = false;      // a file, in this process
  bool moved_ = false;       // the file before was renamed: what was written is safe
  bool torn_ = false;        // behind `size_` may be what is not part of the log
  bool begins_ = false;      // the file has no line yet
  bool head_known_ = false;  // `mark_` is at least the head's
  bool mark_known_ = false;  // at the start it is the head's, which may lag behind the file
  AuditMark mark_;
  std::uint64_t size_ = 0;  // of the file's part that ends with `mark_`
  std::string trouble_;     // why the last Commit() failed; empty where it did not
  std::uint64_t lost_ = 0;  // records since then
  std::string head_trouble_;
  bool head_lost_ = false;   // the file was taken over as it was
  bool head_noted_ = false;  // and a line says so
};

}  // namespace billbroker
