// The CredentialService of a FakeBroker. Internal to it.
#pragma once

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <string>
#include <vector>

#include "billbroker/v1/credential.grpc.pb.h"
#include "proto/status.h"
#include "tests/client/support/fake_broker_state.h"
#include "vault/base/error.h"

namespace billbroker {

class FakeBroker::Credentials final : public v1::CredentialService::Service {
 public:
  explicit Credentials(State& state) : state_(state) {}

  grpc::Status CreateCredential(grpc::ServerContext* context,
                                const v1::CreateCredentialRequest* request,
                                v1::CreateCredentialResponse* response) override {
    const MutexLock lock(state_.mutex);
    state_.NoteChange("CreateCredential", *context, *request);
    state_.creates.push_back(*request);
    const absl::Status failure = state_.Failure("CreateCredential");
    if (!failure.ok()) return ToGrpcStatus(failure);
    v1::Credential& credential = *response->mutable_credential();
    credential.set_name(request->credential());
    credential.set_uid("00112233445566778899aabbccddeeff");
    credential.set_version(1);
    credential.set_environment(request->environment());
    credential.set_kind(request->kind());
    credential.set_username(request->username());
    credential.set_sync_token(request->sync_token());
    credential.set_device(request->device());
    credential.mutable_create_time()->set_seconds(kNowSeconds);
    credential.mutable_update_time()->set_seconds(kNowSeconds);
    if (!request->dev_key().empty()) {
      v1::SecretFingerprint& secret = *credential.add_secrets();
      secret.set_field("dev_key");
      secret.set_fingerprint("0123456789abcdef");
    }
    for (const v1::OrganizationSpec& spec : request->organizations()) {
      v1::Organization& organization = *credential.add_organizations();
      organization.set_organization_id(spec.organization_id());
      organization.set_user_id(spec.user_id());
    }
    credential.set_organization_count(request->organizations_size());
    state_.credentials[request->credential()] = credential;
    return grpc::Status::OK;
  }

  grpc::Status GetCredential(grpc::ServerContext*, const v1::GetCredentialRequest* request,
                             v1::GetCredentialResponse* response) override {
    const MutexLock lock(state_.mutex);
    const auto found = state_.credentials.find(request->credential());
    if (found == state_.credentials.end())
      return ToGrpcStatus(UnknownCredential(request->credential()));
    *response->mutable_credential() = found->second;
    return ToGrpcStatus(state_.Failure("GetCredential"));
  }

  grpc::Status ListCredentials(grpc::ServerContext*, const v1::ListCredentialsRequest* request,
                               v1::ListCredentialsResponse* response) override {
    const MutexLock lock(state_.mutex);
    std::vector<v1::Credential> all;
    for (const auto& [name, credential] : state_.credentials) all.push_back(credential);
    Page(all, request->page_token(), response, [&](v1::Credential credential) {
      credential.clear_organizations();
      *response->add_credentials() = credential;
    });
    return ToGrpcStatus(state_.Failure("ListCredentials"));
  }

  grpc::Status DeleteCredential(grpc::ServerContext* context,
                                const v1::DeleteCredentialRequest* request,
                                v1::DeleteCredentialResponse*) override {
    const MutexLock lock(state_.mutex);
    state_.NoteChange("DeleteCredential", *context, *request);
    const absl::Status current =
        state_.CheckVersion(request->credential(), request->uid(), request->version());
    if (!current.ok()) return ToGrpcStatus(current);
    if (state_.sessions_live && !request->force()) {
      return ToGrpcStatus(MakeError(Reason::kSessionsLive, "the credential has live sessions"));
    }
    state_.credentials.erase(request->credential());
    return grpc::Status::OK;
  }

  grpc::Status AttachOrganizations(grpc::ServerContext* context,
                                   const v1::AttachOrganizationsRequest* request,
                                   v1::AttachOrganizationsResponse* response) override {
    const MutexLock lock(state_.mutex);
    state_.NoteChange("AttachOrganizations", *context, *request);
    state_.attaches.push_back(*request);
    const absl::Status failure = state_.Failure("AttachOrganizations");
    if (!failure.ok()) return ToGrpcStatus(failure);
    const absl::Status current =
        state_.CheckVersion(request->credential(), request->uid(), request->version());
    if (!current.ok()) return ToGrpcStatus(current);
    v1::Credential& credential = state_.credentials[request->credential()];
    for (const v1::OrganizationSpec& spec : request->organizations()) {
      v1::Organization& organization = *credential.add_organizations();
      organization.set_organization_id(spec.organization_id());
      if (!spec.dev_key().empty()) organization.set_dev_key_id("fedcba9876543210");
      organization.set_user_id(spec.user_id());
    }
    return Changed(credential, *response->mutable_credential());
  }

  grpc::Status DetachOrganizations(grpc::ServerContext* context,
                                   const v1::DetachOrganizationsRequest* request,
                                   v1::DetachOrganizationsResponse* response) override {
    const MutexLock lock(state_.mutex);
    state_.NoteChange("DetachOrganizations", *context, *request);
    state_.detaches.push_back(*request);
    const absl::Status current =
        state_.CheckVersion(request->credential(), request->uid(), request->version());
    if (!current.ok()) return ToGrpcStatus(current);
    v1::Credential& credential = state_.credentials[request->credential()];
    auto& all = *credential.mutable_organizations();
    for (const std::string& id : request->organization_ids()) {
      all.erase(
          std::remove_if(all.begin(), all.end(),
                         [&](const v1::Organization& one) { return one.organization_id() == id; }),
          all.end());
    }
    return Changed(credential, *response->mutable_credential());
  }

  grpc::Status RotateCredential(grpc::ServerContext* context,
                                const v1::RotateCredentialRequest* request,
                                v1::RotateCredentialResponse* response) override {
    const MutexLock lock(state_.mutex);
    state_.NoteChange("RotateCredential", *context, *request);
    state_.rotates.push_back(*request);
    const absl::Status current =
        state_.CheckVersion(request->credential(), request->uid(), request->version());
    if (!current.ok()) return ToGrpcStatus(current);
    return Changed(state_.credentials[request->credential()], *response->mutable_credential());
  }

  grpc::Status ResumeRotation(grpc::ServerContext* context,
                              const v1::ResumeRotationRequest* request,
                              v1::ResumeRotationResponse* response) override {
    return EndRotation("ResumeRotation", *context, *request, *response);
  }
  grpc::Status CancelRotation(grpc::ServerContext* context,
                              const v1::CancelRotationRequest* request,
                              v1::CancelRotationResponse* response) override {
    return EndRotation("CancelRotation", *context, *request, *response);
  }
  grpc::Status RollbackCredential(grpc::ServerContext* context,
                                  const v1::RollbackCredentialRequest* request,
                                  v1::RollbackCredentialResponse* response) override {
    return EndRotation("RollbackCredential", *context, *request, *response);
  }

  // Each that was queued once, the last one for ever.
  grpc::Status GetRotationProgress(grpc::ServerContext*, const v1::GetRotationProgressRequest*,
                                   v1::GetRotationProgressResponse* response) override {
    const MutexLock lock(state_.mutex);
    *response = state_.progress.front();
    if (state_.progress.size() > 1) state_.progress.pop_front();
    return ToGrpcStatus(state_.Failure("GetRotationProgress"));
  }

  grpc::Status DiscoverOrganizations(grpc::ServerContext*,
                                     const v1::DiscoverOrganizationsRequest* request,
                                     v1::DiscoverOrganizationsResponse* response) override {
    const MutexLock lock(state_.mutex);
    state_.discovers.push_back(*request);
    const auto& attached = state_.credentials[request->credential()].organizations();
    for (const auto& [id, name] : state_.discovered) {
      v1::DiscoveredOrganization& organization = *response->add_organizations();
      organization.set_organization_id(id);
      organization.set_display_name(name);
      const auto is_same = [&wanted = id](const v1::Organization& each) {
        return each.organization_id() == wanted;
      };
      organization.set_attached(std::any_of(attached.begin(), attached.end(), is_same));
    }
    return ToGrpcStatus(state_.Failure("DiscoverOrganizations"));
  }

  grpc::Status AdoptKeyring(grpc::ServerContext* context, const v1::AdoptKeyringRequest* request,
                            v1::AdoptKeyringResponse* response) override {
    const MutexLock lock(state_.mutex);
    state_.NoteChange("AdoptKeyring", *context, *request);
    state_.adopts.push_back(*request);
    *response = state_.adoption;
    const bool confirmed = request->confirmation() == state_.adoption.confirmation();
    if (!request->validate_only() && !confirmed) {
      return ToGrpcStatus(Malformed("confirmation", "is not the confirmation"));
    }
    return ToGrpcStatus(state_.Failure("AdoptKeyring"));
  }

 private:
  template <typename Request, typename Response>
  grpc::Status EndRotation(const std::string& rpc, const grpc::ServerContext& context,
                           const Request& request, Response& response) {
    const MutexLock lock(state_.mutex);
    state_.NoteChange(rpc, context, request);
    const absl::Status current =
        state_.CheckVersion(request.credential(), request.uid(), request.version());
    if (!current.ok()) return ToGrpcStatus(current);
    v1::Credential& credential = state_.credentials[request.credential()];
    credential.clear_pending_rotation();
    return Changed(credential, *response.mutable_credential());
  }
  static grpc::Status Changed(v1::Credential& credential, v1::Credential& answer) {
    credential.set_version(credential.version() + 1);
    credential.set_organization_count(credential.organizations_size());
    answer = credential;
    return grpc::Status::OK;
  }

  State& state_;
};

}  // namespace billbroker
