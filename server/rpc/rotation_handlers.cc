// CredentialServiceImpl: what replaces and proves secrets.
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

// What every request here has in common: which credential, and the organization where it names one.
template <typename Request>
absl::StatusOr<CredentialVersion> Check(const Request& request, CallbackServerContext& context,
                                        ServingState& state) {
  absl::StatusOr<CredentialVersion> target = VersionOf(request);
  if (!target.ok()) return target;
  if constexpr (requires { request.organization_id(); }) {
    if (!request.organization_id().empty()) {
      absl::Status id = ValidateOrganizationId(request.organization_id());
      if (!id.ok()) return id;
    }
  } else if (request.rotation_id().empty()) {
    return Malformed("rotation_id", "is missing; GetCredential tells it");
  }
  absl::Status admitted = state.Admit(context);
  if (!admitted.ok()) return admitted;
  return target;
}

template <typename Request>
RotationOptions OptionsOf(const Request& request, const CallbackServerContext& context) {
  RotationOptions options;
  options.organization_id = request.organization_id();
  options.verify = !request.has_verify() || request.verify();
  options.end_sessions = request.end_sessions();
  options.patience = PatienceOf(context);
  return options;
}

}  // namespace

ServerUnaryReactor* CredentialServiceImpl::RotateCredential(
    CallbackServerContext* context, const v1::RotateCredentialRequest* request,
    v1::RotateCredentialResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<CredentialVersion> target = Check(*request, *context, parts_.state);
  absl::StatusOr<CredentialChange> change = ChangeOf(*request);
  RotationOptions options = OptionsOf(*request, *context);
  context->GetRpcAllocatorState()->FreeRequest();
  if (!target.ok()) return Finished(reactor, target.status());
  if (!change.ok()) return Finished(reactor, change.status());
  parts_.executor.Run([this, reactor, response, target = *std::move(target),
                       change = *std::move(change), options = std::move(options)]() mutable {
    FinishChange(reactor, parts_.manager.Rotate(target, std::move(change), options), *response);
  });
  return reactor;
}

ServerUnaryReactor* CredentialServiceImpl::ResumeRotation(CallbackServerContext* context,
                                                          const v1::ResumeRotationRequest* request,
                                                          v1::ResumeRotationResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<CredentialVersion> target = Check(*request, *context, parts_.state);
  if (!target.ok()) return Finished(reactor, target.status());
  parts_.executor.Run([this, reactor, request, response, target = *std::move(target),
                       patience = PatienceOf(*context)] {
    FinishChange(reactor, parts_.manager.ResumeRotation(target, request->rotation_id(), patience),
                 *response);
  });
  return reactor;
}

ServerUnaryReactor* CredentialServiceImpl::CancelRotation(CallbackServerContext* context,
                                                          const v1::CancelRotationRequest* request,
                                                          v1::CancelRotationResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<CredentialVersion> target = Check(*request, *context, parts_.state);
  if (!target.ok()) return Finished(reactor, target.status());
  parts_.executor.Run([this, reactor, request, response, target = *std::move(target)] {
    FinishChange(reactor, parts_.manager.CancelRotation(target, request->rotation_id(), ""),
                 *response);
  });
  return reactor;
}

ServerUnaryReactor* CredentialServiceImpl::RollbackCredential(
    CallbackServerContext* context, const v1::RollbackCredentialRequest* request,
    v1::RollbackCredentialResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<CredentialVersion> target = Check(*request, *context, parts_.state);
  if (!target.ok()) return Finished(reactor, target.status());
  parts_.executor.Run([this, reactor, response, target = *std::move(target),
                       options = OptionsOf(*request, *context)] {
    FinishChange(reactor, parts_.manager.Rollback(target, options), *response);
  });
  return reactor;
}

ServerUnaryReactor* CredentialServiceImpl::VerifyCredential(
    CallbackServerContext* context, const v1::VerifyCredentialRequest* request,
    v1::VerifyCredentialResponse* /*response*/) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<CredentialVersion> target = Check(*request, *context, parts_.state);
  if (!target.ok()) return Finished(reactor, target.status());
  parts_.executor.Run(
      [this, reactor, request, target = *std::move(target), patience = PatienceOf(*context)] {
        Finished(reactor, parts_.manager.Verify(target, request->organization_id(), patience));
      });
  return reactor;
}

absl::Status CredentialServiceImpl::Progress(const v1::GetRotationProgressRequest& request,
                                             v1::GetRotationProgressResponse& response) const {
  const absl::StatusOr<CredentialInfoPtr> info = parts_.directory.Get(request.name());
  if (!info.ok()) return info.status();
  std::vector<std::string> organization_ids;
  for (const auto& [id, dev_key_id] : (*info)->organizations) organization_ids.push_back(id);
  const Rollout rollout = parts_.engine.RolloutOf((*info)->uid);
  const WatchHub::Audience audience = parts_.hub.AudienceOf(organization_ids);
  response.set_version((*info)->version);
  response.set_live_sessions(rollout.live);
  response.set_current_sessions(rollout.current);
  response.set_watchers(audience.watchers);
  response.set_told_watchers(audience.told);
  return absl::OkStatus();
}

ServerUnaryReactor* CredentialServiceImpl::GetRotationProgress(
    CallbackServerContext* context, const v1::GetRotationProgressRequest* request,
    v1::GetRotationProgressResponse* response) {
  absl::Status status = CheckShape(*request);
  if (status.ok()) status = parts_.state.Admit(*context);
  if (status.ok()) status = Progress(*request, *response);
  return Finished(context->DefaultReactor(), status);
}

}  // namespace billbroker
