// PastSignInLog: the sign-ins of the past hour, read from the audit log.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "server/access/audit/audit_key.h"
#include "server/access/audit/audit_line.h"
#include "server/session/past_sign_in.h"

namespace billbroker {

// Reads the log's file from its end, and the files before it in the same folder (NAME.1,
// NAME-20261129 and the like, not compressed) as far as the time needs. Checks the chain of each
// line.
class PastSignInLog final : public PastSignInSource {
 public:
  PastSignInLog(std::string path, AuditKey key) : path_(std::move(path)), key_(std::move(key)) {}

  [[nodiscard]] absl::StatusOr<std::vector<PastSignIn>> Since(absl::Time since) override;

 private:
  // The end of one file.
  struct Part {
    std::vector<AuditLine> lines;  // in order, each chained to the one before
    bool reaches = false;          // back to the time that was asked for, or to the chain's start
  };

  [[nodiscard]] absl::StatusOr<Part> ReadPart(const std::string& path, absl::Time since) const;
  // Reads the last `bytes` of the file. Returns its whole lines; `whole` is set to whether they are
  // all of its lines.
  [[nodiscard]] absl::StatusOr<std::vector<AuditLine>> ReadTail(const std::string& path,
                                                                std::size_t bytes,
                                                                bool& whole) const;
  // Returns the file in the folder whose last line has this MAC.
  [[nodiscard]] absl::StatusOr<std::string> FindFileBefore(const AuditMac& last) const;

  const std::string path_;
  const AuditKey key_;
};

}  // namespace billbroker
