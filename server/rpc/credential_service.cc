#include "server/rpc/credential_service.h"

#include <string>
#include <utility>
#include <vector>

#include "server/rpc/finish.h"
#include "server/rpc/page.h"
#include "server/rpc/patience.h"
#include "server/rpc/shape.h"
#include "server/rpc/translate.h"

namespace billbroker {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

constexpr absl::string_view kList = "credentials";  // in page tokens

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
  context->GetRpcAllocatorState()->FreeRequest();
  if (!draft.ok()) return Finished(reactor, draft.status());
  if (absl::Status status = parts_.state.Admit(*context); !status.ok())
    return Finished(reactor, status);
  parts_.executor.Run([this, reactor, response, draft = *std::move(draft)]() mutable {
    FinishChange(reactor, parts_.manager.Create(std::move(draft)), *response);
  });
  return reactor;
}

absl::Status CredentialServiceImpl::Get(const v1::GetCredentialRequest& request,
                                        v1::GetCredentialResponse& response) const {
  const absl::StatusOr<CredentialInfoPtr> info = parts_.directory.Get(request.name());
  if (!info.ok()) return info.status();
  FillCredential(**info, true, *response.mutable_credential());
  FillTrust(parts_.directory.TrustRefusedSince(**info), *response.mutable_credential());
  return absl::OkStatus();
}

ServerUnaryReactor* CredentialServiceImpl::GetCredential(CallbackServerContext* context,
                                                         const v1::GetCredentialRequest* request,
                                                         v1::GetCredentialResponse* response) {
  absl::Status status = CheckShape(*request);
  if (status.ok()) status = parts_.state.Admit(*context);
  if (status.ok()) status = Get(*request, *response);
  return Finished(context->DefaultReactor(), status);
}

absl::Status CredentialServiceImpl::ListPage(const v1::ListCredentialsRequest& request,
                                             v1::ListCredentialsResponse& response) const {
  const absl::StatusOr<std::size_t> size = PageSize(request.page_size());
  if (!size.ok()) return size.status();
  const absl::StatusOr<std::string> last_key = LastKey(kList, request.page_token());
  if (!last_key.ok()) return last_key.status();
  // Before everything was read once, a locked keyring must not look like an empty one.
  if (!parts_.directory.complete()) return VaultError(parts_.directory.vault_state());
  for (const CredentialInfoPtr& info : parts_.directory.List()) {
    if (info->name <= *last_key) continue;
    const int count = response.credentials_size();
    if (count == static_cast<int>(*size)) {
      response.set_next_page_token(PageToken(kList, response.credentials(count - 1).name()));
      break;
    }
    v1::Credential& credential = *response.add_credentials();
    FillCredential(*info, false, credential);
    FillTrust(parts_.directory.TrustRefusedSince(*info), credential);
  }
  return absl::OkStatus();
}

ServerUnaryReactor* CredentialServiceImpl::ListCredentials(
    CallbackServerContext* context, const v1::ListCredentialsRequest* request,
    v1::ListCredentialsResponse* response) {
  absl::Status status = parts_.state.Admit(*context);
  if (status.ok()) status = ListPage(*request, *response);
  return Finished(context->DefaultReactor(), status);
}

ServerUnaryReactor* CredentialServiceImpl::DeleteCredential(
    CallbackServerContext* context, const v1::DeleteCredentialRequest* request,
    v1::DeleteCredentialResponse* /*response*/) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<CredentialVersion> target = VersionOf(*request);
  if (!target.ok()) return Finished(reactor, target.status());
  if (absl::Status status = parts_.state.Admit(*context); !status.ok())
    return Finished(reactor, status);
  parts_.executor.Run([this, reactor, request, target = *std::move(target)] {
    Finished(reactor, parts_.manager.Delete(target, request->force()));
  });
  return reactor;
}

ServerUnaryReactor* CredentialServiceImpl::AttachOrganizations(
    CallbackServerContext* context, const v1::AttachOrganizationsRequest* request,
    v1::AttachOrganizationsResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<CredentialVersion> target = VersionOf(*request);
  absl::StatusOr<std::vector<Organization>> organizations = OrganizationsOf(*request);
  context->GetRpcAllocatorState()->FreeRequest();
  if (!target.ok()) return Finished(reactor, target.status());
  if (!organizations.ok()) return Finished(reactor, organizations.status());
  if (absl::Status status = parts_.state.Admit(*context); !status.ok())
    return Finished(reactor, status);
  parts_.executor.Run([this, reactor, response, target = *std::move(target),
                       organizations = *std::move(organizations)]() mutable {
    FinishChange(reactor, parts_.manager.Attach(target, std::move(organizations)), *response);
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
  if (absl::Status status = parts_.state.Admit(*context); !status.ok())
    return Finished(reactor, status);
  parts_.executor.Run(
      [this, reactor, response, target = *std::move(target), ids = *std::move(ids)] {
        FinishChange(reactor, parts_.manager.Detach(target, ids), *response);
      });
  return reactor;
}

ServerUnaryReactor* CredentialServiceImpl::DiscoverOrganizations(
    CallbackServerContext* context, const v1::DiscoverOrganizationsRequest* request,
    v1::DiscoverOrganizationsResponse* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::Status status = CheckShape(*request);
  if (status.ok()) status = parts_.state.Admit(*context);
  if (!status.ok()) return Finished(reactor, status);
  OrganizationDiscovery::Request wish;
  wish.credential = request->name();
  wish.organization_id = request->organization_id();
  wish.patience = PatienceOf(*context);
  // gRPC keeps the context until the reactor has finished.
  wish.wanted = [context] { return !context->IsCancelled(); };
  parts_.discovery.Discover(
      std::move(wish), [reactor, response](absl::StatusOr<OrganizationDiscovery::Found> found) {
        if (found.ok()) FillDiscovered(*found, *response);
        Finished(reactor, found.status());
      });
  return reactor;
}

}  // namespace billbroker
