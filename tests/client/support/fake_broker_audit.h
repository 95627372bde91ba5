// The AuditService of a FakeBroker. Internal to it.
#pragma once

#include <grpcpp/grpcpp.h>

#include "billbroker/v1/audit.grpc.pb.h"
#include "proto/status.h"
#include "tests/client/support/fake_broker_state.h"

namespace billbroker {

// Returns the configured report.
class FakeBroker::Audit final : public v1::AuditService::Service {
 public:
  explicit Audit(State& state) : state_(state) {}

  grpc::Status VerifyAudit(grpc::ServerContext*, grpc::ServerReader<v1::VerifyAuditRequest>* reader,
                           v1::VerifyAuditResponse* response) override {
    reader->SendInitialMetadata();
    v1::VerifyAuditRequest request;
    std::vector<std::pair<std::string, std::string>> files;
    while (reader->Read(&request)) {
      if (!request.file().empty()) files.emplace_back(request.file(), "");
      files.back().second += request.content();
    }
    const MutexLock lock(state_.mutex);
    state_.audited = std::move(files);
    *response = state_.audit_report;
    return ToGrpcStatus(state_.Failure("VerifyAudit"));
  }

 private:
  State& state_;
};

}  // namespace billbroker
