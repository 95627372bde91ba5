// AuditClient: whether the broker's audit log is as the broker wrote it.
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
  std::string name;    // for the findings; not empty
  std::istream& text;  // not read before: the broker's newest line has to be in it
};

// Thread-safe, blocking, without a deadline; errors as SessionClient.
class AuditClient final {
 public:
  explicit AuditClient(std::shared_ptr<grpc::Channel> channel, const ClientOptions& options = {});
  ~AuditClient();

  // `files` in the order in which they were written, the one that the broker writes last. What was
  // found is in the answer: see proto/billbroker/v1/audit.proto.
  [[nodiscard]] absl::StatusOr<v1::VerifyAuditResponse> Verify(
      const std::vector<AuditLogFile>& files);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace billbroker
