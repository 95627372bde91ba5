#include "server/rpc/mfa_service.h"

#include <string>
#include <utility>
#include <vector>

#include "server/rpc/finish.h"
#include "server/rpc/patience.h"
#include "server/rpc/request_values.h"
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
  const auto prepare = [this](const v1::StartChallengeRequest& start) {
    return [this, credential = start.credential(),
            organization_id = start.organization_id()](const Changer& by) {
      return parts_.manager.StartChallenge(credential, organization_id, by.call.caller->name(),
                                           by.patience, by.cause);
    };
  };
  return RunChange(parts_.changes, *context, *request, prepare,
                   [response](const OpenChallenge& open) {
                     response->set_challenge_id(open.id);
                     response->set_organization_id(open.organization_id);
                     *response->mutable_expire_time() = ToTimestamp(open.expire_time);
                   });
}

// The request names only the challenge, and that its credential.
ServerUnaryReactor* MfaServiceImpl::CompleteChallenge(CallbackServerContext* context,
                                                      const v1::CompleteChallengeRequest* request,
                                                      v1::CompleteChallengeResponse* response) {
  absl::StatusOr<CallInfo> admitted = parts_.authorizer.Admit(*context, *request);
  if (!admitted.ok()) return parts_.changes.state.Refuse(*context, admitted.status());
  const auto credential =
      parts_.manager.CredentialOf(request->challenge_id(), admitted->caller->name());
  if (credential.has_value()) {
    admitted->record.SetCredential(*credential);
    admitted->permission = PermissionToComplete(std::move(admitted->permission), *credential);
  }
  const auto prepare = [this](const v1::CompleteChallengeRequest& complete) {
    return [this, id = complete.challenge_id(), device = complete.device(),
            code = SecretString::CopyOf(complete.code()),
            prompts = PromptsOf(complete)](const Changer& by) mutable {
      return parts_.manager.CompleteChallenge(id, std::move(code), device, by.call.caller->name(),
                                              prompts);
    };
  };
  return RunAdmitted(parts_.changes, *context, *request, *std::move(admitted), prepare,
                     [this, response](const MfaRenewal& renewal) {
                       FillCredential(*renewal.credential, parts_.remember_me_refusals, true,
                                      *response->mutable_credential());
                       FillStepUps(renewal.sessions, *response->mutable_sessions());
                     });
}

ServerUnaryReactor* MfaServiceImpl::StepUp(CallbackServerContext* context,
                                           const v1::StepUpRequest* request,
                                           v1::StepUpResponse* response) {
  const auto prepare = [this](const v1::StepUpRequest& step_up) {
    return [this, credential = step_up.credential()](const Changer& /*by*/) {
      return parts_.manager.StepUp(credential);
    };
  };
  return RunChange(parts_.changes, *context, *request, prepare,
                   [response](const std::vector<StepUpOutcome>& outcomes) {
                     FillStepUps(outcomes, *response->mutable_sessions());
                   });
}

}  // namespace billbroker
