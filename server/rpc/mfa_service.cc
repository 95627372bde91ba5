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
  if (absl::Status shape = CheckShape(*request); !shape.ok()) return Finished(reactor, shape);
  absl::StatusOr<Gate::Pass> pass = parts_.gate.Admit(*context, NeedOf(*request));
  if (!pass.ok()) return Finished(reactor, pass.status());
  parts_.executor.Run([this, context, reactor, request, response,
                       pass = *std::move(pass)]() mutable {
    const Need need = NeedOf(*request);
    const auto start = [&] {
      return parts_.manager.StartChallenge(request->credential(), request->organization_id(),
                                           pass.caller->name(), PatienceOf(*context, kLongestTurn),
                                           parts_.gate.CauseOf(*context, need, pass.record));
    };
    const absl::StatusOr<OpenChallenge> open = parts_.gate.Do(*context, need, pass.record, start);
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
  const absl::Status shape = CheckShape(*request);
  SecretString code = SecretString::CopyOf(request->code());
  const std::string id = request->challenge_id();
  const std::string device = request->device();
  const Prompts prompts = PromptsOf(*request);
  context->GetRpcAllocatorState()->FreeRequest();
  if (!shape.ok()) return Finished(reactor, shape);
  const Need any = WithPrompts(NeedOf(v1::CompleteChallengeRequest()), prompts);
  absl::StatusOr<Gate::Pass> pass = parts_.gate.Admit(*context, any);
  if (!pass.ok()) return Finished(reactor, pass.status());
  parts_.executor.Run([this, context, reactor, response, id, device, code = std::move(code), any,
                       prompts, pass = *std::move(pass)]() mutable {
    const std::string& principal = pass.caller->name();
    const auto credential = parts_.manager.CredentialOf(id, principal);
    if (credential.has_value()) pass.record.SetCredential(*credential);
    const Need need =
        credential.has_value() ? WithPrompts(NeedToComplete(*credential), prompts) : any;
    const auto complete = [&] {
      return parts_.manager.CompleteChallenge(id, std::move(code), device, principal, prompts);
    };
    const absl::StatusOr<MfaRenewal> renewal =
        parts_.gate.Do(*context, need, pass.record, complete);
    if (renewal.ok()) {
      FillCredential(*renewal->credential, true, *response->mutable_credential());
      FillTrust(parts_.remember_me_refusals.FindRefusalTime(*renewal->credential),
                *response->mutable_credential());
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
  if (absl::Status shape = CheckShape(*request); !shape.ok()) return Finished(reactor, shape);
  absl::StatusOr<Gate::Pass> pass = parts_.gate.Admit(*context, NeedOf(*request));
  if (!pass.ok()) return Finished(reactor, pass.status());
  parts_.executor.Run(
      [this, context, reactor, request, response, record = std::move(pass->record)]() mutable {
        const auto step_up = [&] { return parts_.manager.StepUp(request->credential()); };
        const absl::StatusOr<std::vector<StepUpOutcome>> outcomes =
            parts_.gate.Do(*context, NeedOf(*request), record, step_up);
        if (outcomes.ok()) FillStepUps(*outcomes, *response->mutable_sessions());
        Finished(reactor, outcomes.status());
      });
  return reactor;
}

}  // namespace billbroker
