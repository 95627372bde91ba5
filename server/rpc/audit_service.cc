#include "server/rpc/audit_service.h"

#include <memory>
#include <utility>

#include "proto/status.h"
#include "server/rpc/finish.h"
#include "vault/base/error.h"

namespace billbroker {
namespace {

using Reactor = grpc::ServerReadReactor<v1::VerifyAuditRequest>;

v1::AuditFault ToProto(AuditFault fault) {
  switch (fault) {
    case AuditFault::kChanged:
      return v1::AUDIT_FAULT_CHANGED;
    case AuditFault::kRemoved:
      return v1::AUDIT_FAULT_REMOVED;
    case AuditFault::kReordered:
      return v1::AUDIT_FAULT_REORDERED;
    case AuditFault::kInserted:
      return v1::AUDIT_FAULT_INSERTED;
    case AuditFault::kChainBroken:
      return v1::AUDIT_FAULT_CHAIN_BROKEN;
    case AuditFault::kTruncated:
      return v1::AUDIT_FAULT_TRUNCATED;
    case AuditFault::kRewritten:
      return v1::AUDIT_FAULT_REWRITTEN;
    case AuditFault::kTorn:
      return v1::AUDIT_FAULT_TORN;
    case AuditFault::kWrongKey:
      return v1::AUDIT_FAULT_WRONG_KEY;
    case AuditFault::kHeadLost:
      return v1::AUDIT_FAULT_HEAD_LOST;
    case AuditFault::kFileLost:
      return v1::AUDIT_FAULT_FILE_LOST;
  }
  return v1::AUDIT_FAULT_UNSPECIFIED;
}

void FillReport(AuditReport report, v1::VerifyAuditResponse& response) {
  for (AuditFinding& finding : report.findings) {
    v1::AuditFinding& proto = *response.add_findings();
    proto.set_file(std::move(finding.file));
    proto.set_line(static_cast<std::int64_t>(finding.line));
    proto.set_fault(ToProto(finding.fault));
    proto.set_message(std::move(finding.what));
  }
  response.set_incomplete(report.gave_up);
  response.set_line_count(static_cast<std::int64_t>(report.lines));
  response.set_first_sequence(static_cast<std::int64_t>(report.first_sequence));
  response.set_last_sequence(static_cast<std::int64_t>(report.last_sequence));
}

// Owns itself until gRPC is done with it. gRPC calls it on one thread at a time.
class Verification final : public Reactor {
 public:
  Verification(const Authorizer& authorizer, grpc::CallbackServerContext& context,
               std::unique_ptr<AuditVerifier> verifier, v1::VerifyAuditResponse& response)
      : authorizer_(authorizer),
        context_(context),
        verifier_(std::move(verifier)),
        response_(response) {
    StartSendInitialMetadata();  // the expected contents are fixed now
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    const absl::Status granted =
        authorizer_.Reauthorize(context_, PermissionFor(v1::VerifyAuditRequest()));
    if (!granted.ok()) return Finish(ToGrpcStatus(granted));
    if (ok && !request_.file().empty()) {
      verifier_->BeginFile(AuditText(request_.file()));
      begun_ = true;
    }
    if (!begun_) {
      return Finish(ToGrpcStatus(Malformed("file", "is missing in the first message")));
    }
    if (!ok) return Report();
    verifier_->Add(request_.content());
    if (verifier_->gave_up()) return Report();  // or the caller could go on for ever
    StartRead(&request_);
  }
  void OnDone() override { delete this; }

 private:
  void Report() {
    FillReport(verifier_->Finish(), response_);
    Finish(grpc::Status::OK);
  }

  const Authorizer& authorizer_;
  grpc::CallbackServerContext& context_;
  const std::unique_ptr<AuditVerifier> verifier_;
  v1::VerifyAuditResponse& response_;
  v1::VerifyAuditRequest request_;
  bool begun_ = false;
};

}  // namespace

Reactor* AuditServiceImpl::VerifyAudit(grpc::CallbackServerContext* context,
                                       v1::VerifyAuditResponse* response) {
  const absl::StatusOr<CallInfo> call = authorizer_.Check(*context, v1::VerifyAuditRequest());
  if (!call.ok()) return new RefusedStream<Reactor>(call.status());
  std::unique_ptr<AuditVerifier> verifier = audit_.Verifier();
  if (verifier == nullptr) {
    return new RefusedStream<Reactor>(MakeError(Reason::kAuditUnavailable, audit_.state().why));
  }
  return new Verification(authorizer_, *context, std::move(verifier), *response);
}

}  // namespace billbroker
