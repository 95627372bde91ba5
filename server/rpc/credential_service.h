// CredentialServiceImpl: billbroker.v1.CredentialService over the credential manager.
#pragma once

#include <grpcpp/grpcpp.h>

#include <utility>

#include "billbroker/v1/credential.grpc.pb.h"
#include "server/credentials/credential_manager.h"
#include "server/credentials/organization_discovery.h"
#include "server/rpc/authorizer.h"
#include "server/rpc/change_call.h"
#include "server/rpc/keyring_adopter.h"
#include "server/rpc/page.h"
#include "server/rpc/translate.h"
#include "server/rpc/wiping_allocator.h"
#include "server/session/session_manager.h"
#include "server/session/watch_hub.h"
#include "vault/credential_index.h"
#include "vault/remember_me_refusals.h"

namespace billbroker {

// Checks a request's shape, asks the credential index (reads) or the manager (changes), translates.
// Secrets leave the request for the locked slab in the first lines of a handler, and the request is
// wiped right there.
class CredentialServiceImpl final : public v1::CredentialService::CallbackService {
 public:
  struct Parts {  // borrowed
    const CredentialIndex& credentials;
    const RememberMeRefusals& remember_me_refusals;
    const Authorizer& authorizer;
    CredentialManager& manager;
    // Its executor is not the one that SessionManager needs to answer a change.
    ChangeParts changes;
    OrganizationDiscovery& discovery;
    const SessionManager& sessions;
    const WatchHub& hub;
    KeyringAdopter& adopter;
  };

  explicit CredentialServiceImpl(Parts parts);

  grpc::ServerUnaryReactor* CreateCredential(grpc::CallbackServerContext* context,
                                             const v1::CreateCredentialRequest* request,
                                             v1::CreateCredentialResponse* response) override;
  grpc::ServerUnaryReactor* GetCredential(grpc::CallbackServerContext* context,
                                          const v1::GetCredentialRequest* request,
                                          v1::GetCredentialResponse* response) override;
  grpc::ServerUnaryReactor* ListCredentials(grpc::CallbackServerContext* context,
                                            const v1::ListCredentialsRequest* request,
                                            v1::ListCredentialsResponse* response) override;
  grpc::ServerUnaryReactor* DeleteCredential(grpc::CallbackServerContext* context,
                                             const v1::DeleteCredentialRequest* request,
                                             v1::DeleteCredentialResponse* response) override;
  grpc::ServerUnaryReactor* RotateCredential(grpc::CallbackServerContext* context,
                                             const v1::RotateCredentialRequest* request,
                                             v1::RotateCredentialResponse* response) override;
  grpc::ServerUnaryReactor* ResumeRotation(grpc::CallbackServerContext* context,
                                           const v1::ResumeRotationRequest* request,
                                           v1::ResumeRotationResponse* response) override;
  grpc::ServerUnaryReactor* CancelRotation(grpc::CallbackServerContext* context,
                                           const v1::CancelRotationRequest* request,
                                           v1::CancelRotationResponse* response) override;
  grpc::ServerUnaryReactor* RollbackCredential(grpc::CallbackServerContext* context,
                                               const v1::RollbackCredentialRequest* request,
                                               v1::RollbackCredentialResponse* response) override;
  grpc::ServerUnaryReactor* VerifyCredential(grpc::CallbackServerContext* context,
                                             const v1::VerifyCredentialRequest* request,
                                             v1::VerifyCredentialResponse* response) override;
  grpc::ServerUnaryReactor* GetRotationProgress(grpc::CallbackServerContext* context,
                                                const v1::GetRotationProgressRequest* request,
                                                v1::GetRotationProgressResponse* response) override;
  grpc::ServerUnaryReactor* AttachOrganizations(grpc::CallbackServerContext* context,
                                                const v1::AttachOrganizationsRequest* request,
                                                v1::AttachOrganizationsResponse* response) override;
  grpc::ServerUnaryReactor* DetachOrganizations(grpc::CallbackServerContext* context,
                                                const v1::DetachOrganizationsRequest* request,
                                                v1::DetachOrganizationsResponse* response) override;
  grpc::ServerUnaryReactor* DiscoverOrganizations(
      grpc::CallbackServerContext* context, const v1::DiscoverOrganizationsRequest* request,
      v1::DiscoverOrganizationsResponse* response) override;
  grpc::ServerUnaryReactor* AdoptKeyring(grpc::CallbackServerContext* context,
                                         const v1::AdoptKeyringRequest* request,
                                         v1::AdoptKeyringResponse* response) override;

 private:
  // Runs a change whose work returns the changed credential; see RunChange().
  template <typename Request, typename Response, typename Prepare>
  grpc::ServerUnaryReactor* Change(grpc::CallbackServerContext& context, const Request& request,
                                   Response& response, Prepare prepare) const {
    return RunChange(parts_.changes, context, request, std::move(prepare),
                     [this, &response](const CredentialInfoPtr& changed) {
                       FillCredential(*changed, parts_.remember_me_refusals, true,
                                      *response.mutable_credential());
                     });
  }
  // The call's answer, or why not.
  [[nodiscard]] absl::Status Get(const v1::GetCredentialRequest& request,
                                 v1::GetCredentialResponse& response) const;
  [[nodiscard]] absl::Status Progress(const v1::GetRotationProgressRequest& request,
                                      v1::GetRotationProgressResponse& response) const;
  [[nodiscard]] absl::Status ListPage(const PageWish& page, const Grants& grants,
                                      v1::ListCredentialsResponse& response) const;

  struct AdoptionWish {
    std::string confirmation;
    bool validate_only;
    Prompts prompts;
  };
  // When its turn has come.
  [[nodiscard]] absl::StatusOr<KeyringLoss> Adopt(const AdoptionWish& wish, Record& record) const;

  const Parts parts_;
  WipingAllocator<v1::CreateCredentialRequest, v1::CreateCredentialResponse> create_messages_;
  WipingAllocator<v1::RotateCredentialRequest, v1::RotateCredentialResponse> rotate_messages_;
  WipingAllocator<v1::AttachOrganizationsRequest, v1::AttachOrganizationsResponse> attach_messages_;
};

}  // namespace billbroker
