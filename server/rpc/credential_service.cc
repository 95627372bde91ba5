#include "server/rpc/credential_service.h"

#include <string>
#include <utility>
#include <vector>

#include "server/rpc/finish.h"
#include "server/rpc/patience.h"
#include "server/rpc/request_values.h"
#include "server/rpc/translate.h"

namespace billbroker {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

}  // namespace

CredentialServiceImpl::CredentialServiceImpl(Parts parts) : parts_(parts) {
  SetMessageAllocatorFor_CreateCredential(&create_messages_);
  SetMessageAllocatorFor_RotateCredential(&rotate_messages_);
  SetMessageAllocatorFor_AttachOrganizations(&attach_messages_);
}

ServerUnaryReactor* CredentialServiceImpl::CreateCredential(
    CallbackServerContext* context, const v1::CreateCredentialRequest* request,
    v1::CreateCredentialResponse* response) {
  return Change(*context, *request, *response, [this](const v1::CreateCredentialRequest& create) {
    return [this, draft = DraftOf(create), prompts = PromptsOf(create)](const Changer& by) mutable {
      return parts_.manager.Create(std::move(draft), by.call.caller->name(), prompts);
    };
  });
}

absl::Status CredentialServiceImpl::Get(const v1::GetCredentialRequest& request,
                                        v1::GetCredentialResponse& response) const {
  const absl::StatusOr<CredentialInfoPtr> info = parts_.credentials.Get(request.credential());
  if (!info.ok()) return info.status();
  FillCredential(**info, parts_.remember_me_refusals, true, *response.mutable_credential());
  return absl::OkStatus();
}

ServerUnaryReactor* CredentialServiceImpl::GetCredential(CallbackServerContext* context,
                                                         const v1::GetCredentialRequest* request,
                                                         v1::GetCredentialResponse* response) {
  absl::StatusOr<CallInfo> admitted = parts_.authorizer.Admit(*context, *request);
  if (!admitted.ok()) return parts_.changes.state.Refuse(*context, admitted.status());
  if (!parts_.manager.IsInDoubt(request->credential())) {
    return Finished(context->DefaultReactor(), Get(*request, *response));
  }
  absl::Status waits = parts_.authorizer.StartWaiting(*context, *admitted);
  if (!waits.ok()) return Finished(context->DefaultReactor(), waits);
  ChangeQueue::Turn turn = TurnOf(*request, *admitted);
  ChangeCall::Steps steps;
  steps.begin = [] { return absl::OkStatus(); };
  steps.work = [this, credential = request->credential()] {
    parts_.manager.ReadAgain(credential);
    return absl::OkStatus();
  };
  steps.end = [this, context, request, response,
               call = *std::move(admitted)](const absl::Status& /*read*/) {
    absl::Status again = parts_.authorizer.Reauthorize(*context, call.permission);
    return again.ok() ? Get(*request, *response) : again;
  };
  return ChangeCall::Start(parts_.changes, std::move(turn), std::move(steps));
}

absl::Status CredentialServiceImpl::ListPage(const PageWish& page, const Grants& grants,
                                             v1::ListCredentialsResponse& response) const {
  // Before everything was read once, a locked keyring must not look like an empty one.
  if (absl::Status read = parts_.credentials.CheckComplete(); !read.ok()) return read;
  for (const CredentialInfoPtr& info : parts_.credentials.List()) {
    if (info->name <= page.last_key || !grants.CoversCredential(Role::kOperator, info->name)) {
      continue;
    }
    const int count = response.credentials_size();
    if (count == static_cast<int>(page.size)) {
      response.set_next_page_token(
          PageToken(kCredentialList, response.credentials(count - 1).name()));
      break;
    }
    FillCredential(*info, parts_.remember_me_refusals, false, *response.add_credentials());
  }
  return absl::OkStatus();
}

ServerUnaryReactor* CredentialServiceImpl::ListCredentials(
    CallbackServerContext* context, const v1::ListCredentialsRequest* request,
    v1::ListCredentialsResponse* response) {
  const absl::StatusOr<CallInfo> call = parts_.authorizer.Admit(*context, *request);
  if (!call.ok()) return parts_.changes.state.Refuse(*context, call.status());
  ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto page = PageOf(kCredentialList, request->page_size(), request->page_token());
  if (!page.ok()) return Finished(reactor, page.status());
  return Finished(reactor, ListPage(*page, *call->caller->grants(), *response));
}

ServerUnaryReactor* CredentialServiceImpl::DeleteCredential(
    CallbackServerContext* context, const v1::DeleteCredentialRequest* request,
    v1::DeleteCredentialResponse* /*response*/) {
  const auto prepare = [this](const v1::DeleteCredentialRequest& remove) {
    return [this, target = VersionOf(remove), force = remove.force(), prompts = PromptsOf(remove)](
               const Changer& /*by*/) { return parts_.manager.Delete(target, force, prompts); };
  };
  return RunChange(parts_.changes, *context, *request, prepare, kNoResponse);
}

ServerUnaryReactor* CredentialServiceImpl::AttachOrganizations(
    CallbackServerContext* context, const v1::AttachOrganizationsRequest* request,
    v1::AttachOrganizationsResponse* response) {
  return Change(*context, *request, *response,
                [this](const v1::AttachOrganizationsRequest& attach) {
                  return [this, target = VersionOf(attach),
                          organizations = OrganizationsOf(attach.organizations()),
                          prompts = PromptsOf(attach)](const Changer& by) mutable {
                    return parts_.manager.Attach(target, std::move(organizations),
                                                 by.call.caller->name(), prompts);
                  };
                });
}

ServerUnaryReactor* CredentialServiceImpl::DetachOrganizations(
    CallbackServerContext* context, const v1::DetachOrganizationsRequest* request,
    v1::DetachOrganizationsResponse* response) {
  return Change(
      *context, *request, *response, [this](const v1::DetachOrganizationsRequest& detach) {
        return [this, target = VersionOf(detach), prompts = PromptsOf(detach)](const Changer& by) {
          return parts_.manager.Detach(target, by.call.permission.organizations,
                                       by.call.caller->name(), prompts);
        };
      });
}

ServerUnaryReactor* CredentialServiceImpl::DiscoverOrganizations(
    CallbackServerContext* context, const v1::DiscoverOrganizationsRequest* request,
    v1::DiscoverOrganizationsResponse* response) {
  absl::StatusOr<CallInfo> admitted = parts_.authorizer.Admit(*context, *request);
  if (!admitted.ok()) return parts_.changes.state.Refuse(*context, admitted.status());
  ServerUnaryReactor* reactor = context->DefaultReactor();
  OrganizationDiscovery::Request wish;
  wish.principal = admitted->caller->name();
  wish.cause = parts_.authorizer.CauseOf(*context, *admitted);
  wish.credential = request->credential();
  wish.organization_id = request->organization_id();
  wish.patience = PatienceOf(*context);
  // gRPC keeps the context until the reactor has finished.
  wish.wanted = [context] { return !context->IsCancelled(); };
  parts_.discovery.Discover(
      std::move(wish), [this, context, reactor, response, call = *std::move(admitted)](
                           const absl::StatusOr<OrganizationDiscovery::Found>& found) {
        absl::Status status = parts_.authorizer.Reauthorize(*context, call.permission);
        if (status.ok()) status = found.status();
        if (status.ok()) FillDiscovered(*found, *response);
        Finished(reactor, status);
      });
  return reactor;
}

}  // namespace billbroker
