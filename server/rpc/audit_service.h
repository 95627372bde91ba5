// AuditServiceImpl: billbroker.v1.AuditService over the audit log.
#pragma once

#include <grpcpp/grpcpp.h>

#include "billbroker/v1/audit.grpc.pb.h"
#include "server/access/audit/audit_trail.h"
#include "server/rpc/authorizer.h"

namespace billbroker {

// A piece is checked on the thread that it comes on: at 64 KiB about a millisecond.
class AuditServiceImpl final : public v1::AuditService::CallbackService {
 public:
  // Both are borrowed.
  AuditServiceImpl(const Authorizer& authorizer, const AuditTrail& audit)
      : authorizer_(authorizer), audit_(audit) {}

  grpc::ServerReadReactor<v1::VerifyAuditRequest>* VerifyAudit(
      grpc::CallbackServerContext* context, v1::VerifyAuditResponse* response) override;

 private:
  const Authorizer& authorizer_;
  const AuditTrail& audit_;
};

}  // namespace billbroker
