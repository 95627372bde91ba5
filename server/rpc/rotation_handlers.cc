// CredentialServiceImpl: the calls that replace and prove secrets.
#include <string>
#include <utility>
#include <vector>

#include "server/rpc/credential_service.h"
#include "server/rpc/finish.h"
#include "server/rpc/patience.h"
#include "server/rpc/request_values.h"

namespace billbroker {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

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

void SetCaller(const Changer& by, RotationOptions& options) {
  options.principal = by.call.caller->name();
  options.cause = by.cause;
  options.patience = by.patience;
}

}  // namespace

ServerUnaryReactor* CredentialServiceImpl::RotateCredential(
    CallbackServerContext* context, const v1::RotateCredentialRequest* request,
    v1::RotateCredentialResponse* response) {
  return Change(*context, *request, *response, [this](const v1::RotateCredentialRequest& rotate) {
    return [this, target = VersionOf(rotate), change = ChangeOf(rotate),
            options = OptionsOf(rotate)](const Changer& by) mutable {
      SetCaller(by, options);
      return parts_.manager.Rotate(target, std::move(change), options);
    };
  });
}

ServerUnaryReactor* CredentialServiceImpl::ResumeRotation(CallbackServerContext* context,
                                                          const v1::ResumeRotationRequest* request,
                                                          v1::ResumeRotationResponse* response) {
  return Change(*context, *request, *response, [this](const v1::ResumeRotationRequest& resume) {
    return [this, target = VersionOf(resume), rotation_id = resume.rotation_id(),
            prompts = PromptsOf(resume)](const Changer& by) {
      return parts_.manager.ResumeRotation(target, rotation_id, by.patience, by.call.caller->name(),
                                           by.cause, prompts);
    };
  });
}

ServerUnaryReactor* CredentialServiceImpl::CancelRotation(CallbackServerContext* context,
                                                          const v1::CancelRotationRequest* request,
                                                          v1::CancelRotationResponse* response) {
  return Change(*context, *request, *response, [this](const v1::CancelRotationRequest& cancel) {
    return [this, target = VersionOf(cancel), rotation_id = cancel.rotation_id(),
            prompts = PromptsOf(cancel)](const Changer& by) {
      return parts_.manager.CancelRotation(target, rotation_id, by.call.caller->name(), prompts);
    };
  });
}

ServerUnaryReactor* CredentialServiceImpl::RollbackCredential(
    CallbackServerContext* context, const v1::RollbackCredentialRequest* request,
    v1::RollbackCredentialResponse* response) {
  return Change(*context, *request, *response,
                [this](const v1::RollbackCredentialRequest& roll_back) {
                  return [this, target = VersionOf(roll_back),
                          options = OptionsOf(roll_back)](const Changer& by) mutable {
                    SetCaller(by, options);
                    return parts_.manager.Rollback(target, options);
                  };
                });
}

ServerUnaryReactor* CredentialServiceImpl::VerifyCredential(
    CallbackServerContext* context, const v1::VerifyCredentialRequest* request,
    v1::VerifyCredentialResponse* /*response*/) {
  const auto prepare = [this](const v1::VerifyCredentialRequest& verify) {
    return [this, target = VersionOf(verify),
            organization_id = verify.organization_id()](const Changer& by) {
      return parts_.manager.Verify(target, organization_id, by.patience, by.call.caller->name(),
                                   by.cause);
    };
  };
  return RunChange(parts_.changes, *context, *request, prepare, kNoResponse);
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
  const absl::Status admitted = parts_.authorizer.Admit(*context, *request).status();
  if (!admitted.ok()) return parts_.changes.state.Refuse(*context, admitted);
  return Finished(context->DefaultReactor(), Progress(*request, *response));
}

}  // namespace billbroker
