// MfaServiceImpl: billbroker.v1.MfaService over the MFA manager.
#pragma once

#include <grpcpp/grpcpp.h>

#include "billbroker/v1/mfa.grpc.pb.h"
#include "server/credentials/mfa_manager.h"
#include "server/rpc/authorizer.h"
#include "server/rpc/change_call.h"
#include "server/rpc/wiping_allocator.h"
#include "vault/remember_me_refusals.h"

namespace billbroker {

// As CredentialServiceImpl: the code leaves the request at once.
class MfaServiceImpl final : public v1::MfaService::CallbackService {
 public:
  struct Parts {  // borrowed
    const Authorizer& authorizer;
    MfaManager& manager;
    const RememberMeRefusals& remember_me_refusals;
    ChangeParts changes;
  };

  explicit MfaServiceImpl(Parts parts);

  grpc::ServerUnaryReactor* StartChallenge(grpc::CallbackServerContext* context,
                                           const v1::StartChallengeRequest* request,
                                           v1::StartChallengeResponse* response) override;
  grpc::ServerUnaryReactor* CompleteChallenge(grpc::CallbackServerContext* context,
                                              const v1::CompleteChallengeRequest* request,
                                              v1::CompleteChallengeResponse* response) override;
  grpc::ServerUnaryReactor* StepUp(grpc::CallbackServerContext* context,
                                   const v1::StepUpRequest* request,
                                   v1::StepUpResponse* response) override;

 private:
  const Parts parts_;
  WipingAllocator<v1::CompleteChallengeRequest, v1::CompleteChallengeResponse> complete_messages_;
};

}  // namespace billbroker
