// AuditServiceImpl: billbroker.v1.AuditService over the audit log.
#pragma once

#include <grpcpp/grpcpp.h>

#include "billbroker/v1/audit.grpc.pb.h"
#include "server/access/audit/audit_trail.h"
#include "server/rpc/gate.h"

namespace billbroker {

// A piece is checked on the thread that it comes on: at 64 KiB about a millisecond.
class AuditServiceImpl final : public v1::AuditService::CallbackService {
 public:
  // Both are borrowed.
  AuditServiceImpl(const Gate& gate, const AuditTrail& audit) : gate_(gate), audit_(audit) {}

  grpc::ServerReadReactor<v1::VerifyAuditRequest>* VerifyAudit(
      grpc::CallbackServerContext* context, v1::VerifyAuditResponse* response) override;

 private:
  const Gate& gate_;
  const AuditTrail& audit_;
};

}  // namespace billbroker
