#include "server/rpc/mfa_service.h"

#include <string>
#include <utility>
#include <vector>

#include "server/rpc/finish.h"
#include "server/rpc/patience.h"
#include "server/rpc/shape.h"
#include "server/rpc/translate.h"

namespace billbroker {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

MfaServiceImpl::MfaServiceImpl(Parts parts) : parts_(parts) {
  SetMessageAllocatorFor_CompleteChallenge(&complete_messages_);
}

ServerUnaryReactor* MfaServiceImpl::StartChallenge(CallbackServerContext* context,
                                                   const v1::StartChallengeRequest* request,
                                                   v1::StartChallengeResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::Status status = CheckShape(*request);
  if (status.ok()) status = parts_.state.Admit(*context);
  if (!status.ok()) return Finished(reactor, status);
  parts_.executor.Run([this, reactor, request, response, patience = PatienceOf(*context)] {
    const absl::StatusOr<OpenChallenge> open =
        parts_.manager.StartChallenge(request->credential(), request->organization_id(), patience);
    if (open.ok()) {
      response->set_challenge_id(open->id);
      response->set_organization_id(open->organization_id);
      *response->mutable_expire_time() = ToTimestamp(open->expire_time);
    }
    Finished(reactor, open.status());
  });
  return reactor;
}

ServerUnaryReactor* MfaServiceImpl::CompleteChallenge(CallbackServerContext* context,
                                                      const v1::CompleteChallengeRequest* request,
                                                      v1::CompleteChallengeResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::Status status = CheckShape(*request);
  SecretString code = SecretString::CopyOf(request->code());
  const std::string id = request->challenge_id();
  const std::string device = request->device();
  context->GetRpcAllocatorState()->FreeRequest();
  if (status.ok()) status = parts_.state.Admit(*context);
  if (!status.ok()) return Finished(reactor, status);
  parts_.executor.Run([this, reactor, response, id, device, code = std::move(code)]() mutable {
    const absl::StatusOr<MfaRenewal> renewal =
        parts_.manager.CompleteChallenge(id, std::move(code), device, "");
    if (renewal.ok()) {
      FillCredential(*renewal->credential, true, *response->mutable_credential());
      FillStepUps(renewal->sessions, *response->mutable_sessions());
    }
    Finished(reactor, renewal.status());
  });
  return reactor;
}

ServerUnaryReactor* MfaServiceImpl::StepUp(CallbackServerContext* context,
                                           const v1::StepUpRequest* request,
                                           v1::StepUpResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::Status status = CheckShape(*request);
  if (status.ok()) status = parts_.state.Admit(*context);
  if (!status.ok()) return Finished(reactor, status);
  parts_.executor.Run([this, reactor, request, response] {
    const absl::StatusOr<std::vector<StepUpOutcome>> outcomes =
        parts_.manager.StepUp(request->credential());
    if (outcomes.ok()) FillStepUps(*outcomes, *response->mutable_sessions());
    Finished(reactor, outcomes.status());
  });
  return reactor;
}

}  // namespace billbroker
