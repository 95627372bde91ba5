#include "server/rpc/credential_service.h"

#include <string>
#include <utility>
#include <vector>

#include "server/rpc/finish.h"
#include "server/rpc/patience.h"
#include "server/rpc/shape.h"
#include "server/rpc/translate.h"

namespace billbroker {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

constexpr absl::string_view kCredentialList = "credentials";  // in page tokens

}  // namespace

CredentialServiceImpl::CredentialServiceImpl(Parts parts) : parts_(parts) {
  SetMessageAllocatorFor_CreateCredential(&create_messages_);
  SetMessageAllocatorFor_RotateCredential(&rotate_messages_);
  SetMessageAllocatorFor_AttachOrganizations(&attach_messages_);
}

ServerUnaryReactor* CredentialServiceImpl::CreateCredential(
    CallbackServerContext* context, const v1::CreateCredentialRequest* request,
    v1::CreateCredentialResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<Credential> draft = DraftOf(*request);
  const Prompts prompts = PromptsOf(*request);
  context->GetRpcAllocatorState()->FreeRequest();
  if (!draft.ok()) return Finished(reactor, draft.status());
  auto pass = parts_.gate.Admit(*context, WithPrompts(NeedToCreate(*draft), prompts));
  if (!pass.ok()) return Finished(reactor, pass.status());
  parts_.executor.Run([this, context, reactor, response, draft = *std::move(draft), prompts,
                       pass = *std::move(pass)]() mutable {
    const Need need = WithPrompts(NeedToCreate(draft), prompts);
    const auto create = [&] {
      return parts_.manager.Create(std::move(draft), pass.caller->name(), prompts);
    };
    FinishChange(reactor, parts_.remember_me_refusals,
                 parts_.gate.Do(*context, need, pass.record, create), *response);
  });
  return reactor;
}

absl::Status CredentialServiceImpl::Get(const v1::GetCredentialRequest& request,
                                        v1::GetCredentialResponse& response) const {
  const absl::StatusOr<CredentialInfoPtr> info = parts_.credentials.Get(request.credential());
  if (!info.ok()) return info.status();
  FillCredential(**info, true, *response.mutable_credential());
  FillTrust(parts_.remember_me_refusals.FindRefusalTime(**info), *response.mutable_credential());
  return absl::OkStatus();
}

ServerUnaryReactor* CredentialServiceImpl::GetCredential(CallbackServerContext* context,
                                                         const v1::GetCredentialRequest* request,
                                                         v1::GetCredentialResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::Status status = CheckShape(*request);
  if (status.ok()) status = parts_.gate.Admit(*context, NeedOf(*request)).status();
  if (!status.ok()) return Finished(reactor, status);
  if (!parts_.manager.IsInDoubt(request->credential())) {
    return Finished(reactor, Get(*request, *response));
  }
  parts_.executor.Run([this, context, reactor, request, response] {
    parts_.manager.ReadAgain(request->credential());
    absl::Status again = parts_.gate.AskAgain(*context, NeedOf(*request));
    if (again.ok()) again = Get(*request, *response);
    Finished(reactor, again);
  });
  return reactor;
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
    v1::Credential& credential = *response.add_credentials();
    FillCredential(*info, false, credential);
    FillTrust(parts_.remember_me_refusals.FindRefusalTime(*info), credential);
  }
  return absl::OkStatus();
}

ServerUnaryReactor* CredentialServiceImpl::ListCredentials(
    CallbackServerContext* context, const v1::ListCredentialsRequest* request,
    v1::ListCredentialsResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto page = PageOf(kCredentialList, request->page_size(), request->page_token());
  if (!page.ok()) return Finished(reactor, page.status());
  const auto pass = parts_.gate.Admit(*context, NeedOf(*request));
  if (!pass.ok()) return Finished(reactor, pass.status());
  return Finished(reactor, ListPage(*page, *pass->caller->grants(), *response));
}

ServerUnaryReactor* CredentialServiceImpl::DeleteCredential(
    CallbackServerContext* context, const v1::DeleteCredentialRequest* request,
    v1::DeleteCredentialResponse* /*response*/) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<CredentialVersion> target = VersionOf(*request);
  if (!target.ok()) return Finished(reactor, target.status());
  auto pass = parts_.gate.Admit(*context, NeedOf(*request));
  if (!pass.ok()) return Finished(reactor, pass.status());
  parts_.executor.Run([this, context, reactor, request, target = *std::move(target),
                       record = std::move(pass->record)]() mutable {
    const auto remove = [&] {
      return parts_.manager.Delete(target, request->force(), PromptsOf(*request));
    };
    Finished(reactor, parts_.gate.Do(*context, NeedOf(*request), record, remove));
  });
  return reactor;
}

ServerUnaryReactor* CredentialServiceImpl::AttachOrganizations(
    CallbackServerContext* context, const v1::AttachOrganizationsRequest* request,
    v1::AttachOrganizationsResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<CredentialVersion> target = VersionOf(*request);
  absl::StatusOr<std::vector<Organization>> organizations = OrganizationsOf(*request);
  const Prompts prompts = PromptsOf(*request);
  context->GetRpcAllocatorState()->FreeRequest();
  if (!target.ok()) return Finished(reactor, target.status());
  if (!organizations.ok()) return Finished(reactor, organizations.status());
  auto pass = parts_.gate.Admit(
      *context, WithPrompts(NeedToAttach(target->name, target->version, *organizations), prompts));
  if (!pass.ok()) return Finished(reactor, pass.status());
  parts_.executor.Run([this, context, reactor, response, target = *std::move(target),
                       organizations = *std::move(organizations), prompts,
                       pass = *std::move(pass)]() mutable {
    const Need need =
        WithPrompts(NeedToAttach(target.name, target.version, organizations), prompts);
    const auto attach = [&] {
      return parts_.manager.Attach(target, std::move(organizations), pass.caller->name(), prompts);
    };
    FinishChange(reactor, parts_.remember_me_refusals,
                 parts_.gate.Do(*context, need, pass.record, attach), *response);
  });
  return reactor;
}

ServerUnaryReactor* CredentialServiceImpl::DetachOrganizations(
    CallbackServerContext* context, const v1::DetachOrganizationsRequest* request,
    v1::DetachOrganizationsResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<CredentialVersion> target = VersionOf(*request);
  if (!target.ok()) return Finished(reactor, target.status());
  absl::StatusOr<std::vector<std::string>> ids = OrganizationIdsOf(*request);
  if (!ids.ok()) return Finished(reactor, ids.status());
  auto pass = parts_.gate.Admit(*context, NeedOf(*request));
  if (!pass.ok()) return Finished(reactor, pass.status());
  parts_.executor.Run([this, context, reactor, request, response, target = *std::move(target),
                       ids = *std::move(ids), pass = *std::move(pass)]() mutable {
    const auto detach = [&] {
      return parts_.manager.Detach(target, ids, pass.caller->name(), PromptsOf(*request));
    };
    FinishChange(reactor, parts_.remember_me_refusals,
                 parts_.gate.Do(*context, NeedOf(*request), pass.record, detach), *response);
  });
  return reactor;
}

ServerUnaryReactor* CredentialServiceImpl::DiscoverOrganizations(
    CallbackServerContext* context, const v1::DiscoverOrganizationsRequest* request,
    v1::DiscoverOrganizationsResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  if (absl::Status shape = CheckShape(*request); !shape.ok()) return Finished(reactor, shape);
  const auto pass = parts_.gate.Admit(*context, NeedOf(*request));
  if (!pass.ok()) return Finished(reactor, pass.status());
  OrganizationDiscovery::Request wish;
  wish.principal = pass->caller->name();
  wish.cause = parts_.gate.CauseOf(*context, NeedOf(*request), pass->record);
  wish.credential = request->credential();
  wish.organization_id = request->organization_id();
  wish.patience = PatienceOf(*context);
  // gRPC keeps the context until the reactor has finished.
  wish.wanted = [context] { return !context->IsCancelled(); };
  parts_.discovery.Discover(std::move(wish),
                            [this, context, reactor, request,
                             response](const absl::StatusOr<OrganizationDiscovery::Found>& found) {
                              absl::Status status = found.status();
                              if (status.ok())
                                status = parts_.gate.AskAgain(*context, NeedOf(*request));
                              if (status.ok()) FillDiscovered(*found, *response);
                              Finished(reactor, status);
                            });
  return reactor;
}

}  // namespace billbroker
