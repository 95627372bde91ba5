// AuditClient: asks the broker to verify files of its audit log.
#pragma once

#include <istream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "billbroker/v1/audit.pb.h"
#include "client/channel.h"

namespace billbroker {

// A file of the log, read to its end.
struct AuditLogFile {
  std::string name;    // appears in findings; not empty
  std::istream& text;  // not read before: it must contain the broker's newest line
};

// Thread-safe, blocking, without a deadline. Fails like SessionClient.
class AuditClient final {
 public:
  explicit AuditClient(std::shared_ptr<grpc::Channel> channel, const ClientOptions& options = {});
  ~AuditClient();

  // Verifies `files`, in the order in which they were written, the broker's current file last. The
  // answer contains the findings: see proto/billbroker/v1/audit.proto.
  [[nodiscard]] absl::StatusOr<v1::VerifyAuditResponse> Verify(
      const std::vector<AuditLogFile>& files);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace billbroker
