// PosixAuditFile: the audit log's file on a disk.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "server/access/audit/audit_file.h"

namespace billbroker {

// A regular file of mode 0600. One that is a symbolic link, or that others may write, is refused.
class PosixAuditFile final : public AuditFile {
 public:
  // In a folder that exists.
  explicit PosixAuditFile(std::string path) : path_(std::move(path)) {}
  ~PosixAuditFile() override { Close(); }
  PosixAuditFile(const PosixAuditFile&) = delete;
  PosixAuditFile& operator=(const PosixAuditFile&) = delete;

  [[nodiscard]] absl::Status Open() override;
  [[nodiscard]] absl::StatusOr<std::uint64_t> Size() override;
  [[nodiscard]] absl::StatusOr<std::string> Tail(std::size_t most) override;
  [[nodiscard]] absl::Status Append(absl::string_view bytes) override;
  [[nodiscard]] absl::Status CutTo(std::uint64_t size) override;
  [[nodiscard]] absl::Status Sync() override;
  [[nodiscard]] absl::StatusOr<AuditFilePlace> Place() override;
  [[nodiscard]] std::vector<std::string> ListSetAside() override;

 private:
  absl::Status CheckItIsSafe() const;
  absl::Status SyncFolder() const;
  void Close();

  const std::string path_;
  int fd_ = -1;
};

}  // namespace billbroker
