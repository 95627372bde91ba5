// CredentialServiceImpl: the calls that replace and prove secrets.
#include <string>
#include <utility>
#include <vector>

#include "server/rpc/credential_service.h"
#include "server/rpc/finish.h"
#include "server/rpc/patience.h"
#include "server/rpc/shape.h"
#include "server/rpc/translate.h"

namespace billbroker {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

// Returns the credential version that the request names, and checks the fields that all requests of
// this file share.
template <typename Request>
absl::StatusOr<CredentialVersion> TargetOf(const Request& request) {
  absl::StatusOr<CredentialVersion> target = VersionOf(request);
  if (!target.ok()) return target;
  if constexpr (requires { request.organization_id(); }) {
    if (!request.organization_id().empty()) {
      absl::Status id = ValidateOrganizationId(request.organization_id());
      if (!id.ok()) return id;
    }
  } else if (request.rotation_id().empty()) {
    return Malformed("rotation_id", "is missing; GetCredential returns it");
  }
  return target;
}

// Returns the options without the caller and the time that it waits.
template <typename Request>
RotationOptions OptionsOf(const Request& request) {
  RotationOptions options;
  options.organization_id = request.organization_id();
  options.verify = !request.skip_verification();
  options.end_sessions = request.end_sessions();
  options.prompts = PromptsOf(request);
  return options;
}

}  // namespace

ServerUnaryReactor* CredentialServiceImpl::RotateCredential(
    CallbackServerContext* context, const v1::RotateCredentialRequest* request,
    v1::RotateCredentialResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<CredentialVersion> target = TargetOf(*request);
  absl::StatusOr<CredentialChange> change = ChangeOf(*request);
  RotationOptions options = OptionsOf(*request);
  context->GetRpcAllocatorState()->FreeRequest();
  if (!target.ok()) return Finished(reactor, target.status());
  if (!change.ok()) return Finished(reactor, change.status());
  auto pass = parts_.gate.Admit(
      *context, WithPrompts(NeedToRotate(target->name, target->version), options.prompts));
  if (!pass.ok()) return Finished(reactor, pass.status());
  parts_.executor.Run([this, context, reactor, response, target = *std::move(target),
                       change = *std::move(change), options = std::move(options),
                       pass = *std::move(pass)]() mutable {
    const Need need = WithPrompts(NeedToRotate(target.name, target.version), options.prompts);
    SayWhoAsks(*context, need, pass, options);
    const auto rotate = [&] { return parts_.manager.Rotate(target, std::move(change), options); };
    FinishChange(reactor, parts_.remember_me_refusals,
                 parts_.gate.Do(*context, need, pass.record, rotate), *response);
  });
  return reactor;
}

ServerUnaryReactor* CredentialServiceImpl::ResumeRotation(CallbackServerContext* context,
                                                          const v1::ResumeRotationRequest* request,
                                                          v1::ResumeRotationResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<CredentialVersion> target = TargetOf(*request);
  if (!target.ok()) return Finished(reactor, target.status());
  auto pass = parts_.gate.Admit(*context, NeedOf(*request));
  if (!pass.ok()) return Finished(reactor, pass.status());
  parts_.executor.Run([this, context, reactor, request, response, target = *std::move(target),
                       pass = *std::move(pass)]() mutable {
    const Need need = NeedOf(*request);
    const auto resume = [&] {
      return parts_.manager.ResumeRotation(
          target, request->rotation_id(), PatienceOf(*context, kLongestTurn), pass.caller->name(),
          parts_.gate.CauseOf(*context, need, pass.record), PromptsOf(*request));
    };
    FinishChange(reactor, parts_.remember_me_refusals,
                 parts_.gate.Do(*context, need, pass.record, resume), *response);
  });
  return reactor;
}

ServerUnaryReactor* CredentialServiceImpl::CancelRotation(CallbackServerContext* context,
                                                          const v1::CancelRotationRequest* request,
                                                          v1::CancelRotationResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<CredentialVersion> target = TargetOf(*request);
  if (!target.ok()) return Finished(reactor, target.status());
  auto pass = parts_.gate.Admit(*context, NeedOf(*request));
  if (!pass.ok()) return Finished(reactor, pass.status());
  parts_.executor.Run([this, context, reactor, request, response, target = *std::move(target),
                       pass = *std::move(pass)]() mutable {
    const auto cancel = [&] {
      return parts_.manager.CancelRotation(target, request->rotation_id(), pass.caller->name(),
                                           PromptsOf(*request));
    };
    FinishChange(reactor, parts_.remember_me_refusals,
                 parts_.gate.Do(*context, NeedOf(*request), pass.record, cancel), *response);
  });
  return reactor;
}

ServerUnaryReactor* CredentialServiceImpl::RollbackCredential(
    CallbackServerContext* context, const v1::RollbackCredentialRequest* request,
    v1::RollbackCredentialResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<CredentialVersion> target = TargetOf(*request);
  if (!target.ok()) return Finished(reactor, target.status());
  auto pass = parts_.gate.Admit(*context, NeedOf(*request));
  if (!pass.ok()) return Finished(reactor, pass.status());
  parts_.executor.Run([this, context, reactor, request, response, target = *std::move(target),
                       pass = *std::move(pass)]() mutable {
    const Need need = NeedOf(*request);
    RotationOptions options = OptionsOf(*request);
    SayWhoAsks(*context, need, pass, options);
    const auto roll_back = [&] { return parts_.manager.Rollback(target, options); };
    FinishChange(reactor, parts_.remember_me_refusals,
                 parts_.gate.Do(*context, need, pass.record, roll_back), *response);
  });
  return reactor;
}

ServerUnaryReactor* CredentialServiceImpl::VerifyCredential(
    CallbackServerContext* context, const v1::VerifyCredentialRequest* request,
    v1::VerifyCredentialResponse* /*response*/) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<CredentialVersion> target = TargetOf(*request);
  if (!target.ok()) return Finished(reactor, target.status());
  auto pass = parts_.gate.Admit(*context, NeedOf(*request));
  if (!pass.ok()) return Finished(reactor, pass.status());
  parts_.executor.Run([this, context, reactor, request, target = *std::move(target),
                       pass = *std::move(pass)]() mutable {
    const Need need = NeedOf(*request);
    const auto verify = [&] {
      return parts_.manager.Verify(target, request->organization_id(),
                                   PatienceOf(*context, kLongestTurn), pass.caller->name(),
                                   parts_.gate.CauseOf(*context, need, pass.record));
    };
    Finished(reactor, parts_.gate.Do(*context, need, pass.record, verify));
  });
  return reactor;
}

void CredentialServiceImpl::SayWhoAsks(const CallbackServerContext& context, const Need& need,
                                       const Gate::Pass& pass, RotationOptions& options) const {
  options.principal = pass.caller->name();
  options.cause = parts_.gate.CauseOf(context, need, pass.record);
  options.patience = PatienceOf(context, kLongestTurn);
}

absl::Status CredentialServiceImpl::Progress(const v1::GetRotationProgressRequest& request,
                                             v1::GetRotationProgressResponse& response) const {
  const absl::StatusOr<CredentialInfoPtr> info = parts_.credentials.Get(request.credential());
  if (!info.ok()) return info.status();
  std::vector<std::string> organization_ids;
  for (const auto& [id, dev_key_id] : (*info)->organizations) organization_ids.push_back(id);
  const Rollout rollout = parts_.sessions.RolloutOf((*info)->uid);
  const WatchHub::Audience audience = parts_.hub.AudienceOf(organization_ids);
  response.set_version((*info)->version);
  response.set_live_session_count(rollout.live);
  response.set_current_session_count(rollout.current);
  response.set_watcher_count(audience.watchers);
  response.set_updated_watcher_count(audience.told);
  return absl::OkStatus();
}

ServerUnaryReactor* CredentialServiceImpl::GetRotationProgress(
    CallbackServerContext* context, const v1::GetRotationProgressRequest* request,
    v1::GetRotationProgressResponse* response) {
  absl::Status status = CheckShape(*request);
  if (status.ok()) status = parts_.gate.Admit(*context, NeedOf(*request)).status();
  if (status.ok()) status = Progress(*request, *response);
  return Finished(context->DefaultReactor(), status);
}

}  // namespace billbroker
