#include "client/credential_client.h"

#include <grpcpp/channel.h>

#include <iterator>
#include <string>
#include <utility>

#include "billbroker/v1/credential.grpc.pb.h"
#include "client/call.h"
#include "vault/base/utf8.h"

namespace billbroker {
namespace {

using CredentialStub = v1::CredentialService::StubInterface;

constexpr int kCredentialPageSize = 1000;  // the broker's maximum

// protobuf keeps fields on the ordinary heap, and Call() wipes them after they are sent. The field
// is assigned in place, because a temporary string would not be wiped.
void Put(const SecretString& secret, std::string& field) {
  field.assign(secret.Reveal().data(), secret.size());
}

// The broker cannot parse a message with other bytes, so it could not return a useful error.
absl::Status CheckText(absl::string_view field, absl::string_view text) {
  if (IsUtf8(text)) return absl::OkStatus();
  return Malformed(field, "is not UTF-8; set the terminal or the file to UTF-8 and enter it again");
}

absl::Status CheckOrganizations(const std::vector<NewOrganization>& organizations) {
  for (const NewOrganization& organization : organizations) {
    absl::Status checked = CheckText("organizations.organization_id", organization.id);
    if (checked.ok()) {
      checked = CheckText("organizations.dev_key", organization.dev_key.Reveal());
    }
    if (checked.ok()) checked = CheckText("organizations.user_id", organization.user_id);
    if (!checked.ok()) return checked;
  }
  return absl::OkStatus();
}

absl::Status Check(const NewCredential& credential) {
  const std::pair<const char*, absl::string_view> texts[] = {
      {"credential", credential.name},
      {"environment", credential.environment},
      {"username", credential.username},
      {"device", credential.device},
      {"dev_key", credential.dev_key.Reveal()},
      {"password", credential.password.Reveal()},
      {"console_api_token", credential.console_api_token.Reveal()},
      {"app_key", credential.app_key.Reveal()},
      {"remember_me_id", credential.remember_me_id.Reveal()}};
  for (const auto& [field, text] : texts) {
    const absl::Status checked = CheckText(field, text);
    if (!checked.ok()) return checked;
  }
  return CheckOrganizations(credential.organizations);
}

// An empty value means "no change" on the wire, so an empty new password would be dropped.
absl::Status CheckNotEmpty(const CredentialRotation& rotation) {
  const auto is_empty = [](const auto& value) { return value.has_value() && value->empty(); };
  const bool remember_me_cleared = is_empty(rotation.remember_me_id);
  const std::pair<const char*, bool> fields[] = {
      {"username", is_empty(rotation.username)},
      {"password", is_empty(rotation.password)},
      {"console_api_token", is_empty(rotation.console_api_token)},
      {"app_key", is_empty(rotation.app_key)},
      {"device", is_empty(rotation.device) && !remember_me_cleared}};
  for (const auto& [field, empty] : fields) {
    if (empty) return Malformed(field, "is empty; set a value or leave it out");
  }
  return absl::OkStatus();
}

absl::Status Check(const CredentialRotation& rotation) {
  if (absl::Status checked = CheckNotEmpty(rotation); !checked.ok()) return checked;
  const auto text = [](const auto& secret) {
    return secret.has_value() ? secret->Reveal() : absl::string_view();
  };
  const std::pair<const char*, absl::string_view> texts[] = {
      {"username", rotation.username.has_value() ? *rotation.username : absl::string_view()},
      {"device", rotation.device.has_value() ? *rotation.device : absl::string_view()},
      {"dev_key", text(rotation.dev_key)},
      {"password", text(rotation.password)},
      {"console_api_token", text(rotation.console_api_token)},
      {"app_key", text(rotation.app_key)},
      {"remember_me_id", text(rotation.remember_me_id)}};
  for (const auto& [field, value] : texts) {
    const absl::Status checked = CheckText(field, value);
    if (!checked.ok()) return checked;
  }
  return CheckOrganizations(rotation.organizations);
}

void SetRotation(const CredentialRotation& rotation, v1::RotateCredentialRequest& request) {
  const auto put = [](const absl::optional<SecretString>& secret, std::string* field) {
    if (secret.has_value()) Put(*secret, *field);
  };
  if (rotation.username.has_value()) request.set_username(*rotation.username);
  put(rotation.dev_key, request.mutable_dev_key());
  put(rotation.password, request.mutable_password());
  put(rotation.console_api_token, request.mutable_console_api_token());
  put(rotation.app_key, request.mutable_app_key());
  put(rotation.remember_me_id, request.mutable_remember_me_id());
  if (rotation.device.has_value()) request.set_device(*rotation.device);
  request.set_clear_dev_key(rotation.dev_key.has_value() && rotation.dev_key->empty());
  request.set_clear_remember_me(rotation.remember_me_id.has_value() &&
                                rotation.remember_me_id->empty());
}

template <typename Request>
void AddOrganizations(const std::vector<NewOrganization>& organizations, Request& request) {
  for (const NewOrganization& organization : organizations) {
    v1::OrganizationSpec& spec = *request.add_organizations();
    spec.set_organization_id(organization.id);
    Put(organization.dev_key, *spec.mutable_dev_key());
    spec.set_user_id(organization.user_id);
  }
}

template <typename Request>
Request RequestFor(const CredentialTarget& version) {
  Request request;
  request.set_credential(version.name);
  request.set_uid(version.uid);
  request.set_version(version.version);
  return request;
}

template <typename Response>
absl::StatusOr<v1::Credential> CredentialOf(absl::StatusOr<Response> response) {
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_credential());
}

}  // namespace

CredentialTarget VersionOf(const v1::Credential& credential) {
  return {credential.name(), credential.uid(), credential.version()};
}

struct CredentialClient::Impl {
  std::unique_ptr<CredentialStub> stub;
  CallPolicy policy;
  bool allow_prompt = false;

  // Calls `method`. Every request that can allow a prompt does so if the client does.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Send(grpc::Status (CredentialStub::*method)(grpc::ClientContext*,
                                                                       const Request&, Response*),
                                Request request) {
    if constexpr (requires { request.set_allow_prompt(true); }) {
      request.set_allow_prompt(allow_prompt);
    }
    return Call(*stub, method, std::move(request), policy);
  }
};

CredentialClient::CredentialClient(std::shared_ptr<grpc::Channel> channel,
                                   const ClientOptions& options)
    : impl_(std::make_unique<Impl>(Impl{v1::CredentialService::NewStub(std::move(channel)),
                                        CallPolicy{options.call_timeout, options.wait_for_ready},
                                        options.allow_prompt})) {}

CredentialClient::~CredentialClient() = default;

absl::StatusOr<v1::Credential> CredentialClient::Create(const NewCredential& credential) {
  const absl::Status checked = Check(credential);
  if (!checked.ok()) return checked;
  v1::CreateCredentialRequest request;
  request.set_credential(credential.name);
  request.set_environment(credential.environment);
  request.set_kind(credential.kind);
  request.set_username(credential.username);
  request.set_sync_token(credential.sync_token);
  request.set_device(credential.device);
  Put(credential.dev_key, *request.mutable_dev_key());
  Put(credential.password, *request.mutable_password());
  Put(credential.console_api_token, *request.mutable_console_api_token());
  Put(credential.app_key, *request.mutable_app_key());
  Put(credential.remember_me_id, *request.mutable_remember_me_id());
  AddOrganizations(credential.organizations, request);
  return CredentialOf(impl_->Send(&CredentialStub::CreateCredential, std::move(request)));
}

absl::StatusOr<v1::Credential> CredentialClient::Get(absl::string_view name) {
  v1::GetCredentialRequest request;
  request.set_credential(std::string(name));
  return CredentialOf(impl_->Send(&CredentialStub::GetCredential, std::move(request)));
}

absl::StatusOr<std::vector<v1::Credential>> CredentialClient::List() {
  std::vector<v1::Credential> all;
  std::string page_token;
  do {
    v1::ListCredentialsRequest request;
    request.set_page_size(kCredentialPageSize);
    request.set_page_token(page_token);
    absl::StatusOr<v1::ListCredentialsResponse> response =
        impl_->Send(&CredentialStub::ListCredentials, std::move(request));
    if (!response.ok()) return response.status();
    std::move(response->mutable_credentials()->begin(), response->mutable_credentials()->end(),
              std::back_inserter(all));
    page_token = response->next_page_token();
  } while (!page_token.empty());
  return all;
}

absl::StatusOr<v1::Credential> CredentialClient::Rotate(const CredentialTarget& version,
                                                        const CredentialRotation& rotation,
                                                        const ProofOptions& options) {
  if (absl::Status checked = Check(rotation); !checked.ok()) return checked;
  auto request = RequestFor<v1::RotateCredentialRequest>(version);
  SetRotation(rotation, request);
  AddOrganizations(rotation.organizations, request);
  for (v1::OrganizationSpec& each : *request.mutable_organizations()) {
    each.set_clear_dev_key(each.dev_key().empty());
  }
  request.set_organization_id(options.organization_id);
  request.set_skip_verification(!options.verify);
  request.set_end_sessions(options.end_sessions);
  return CredentialOf(impl_->Send(&CredentialStub::RotateCredential, std::move(request)));
}

absl::StatusOr<v1::Credential> CredentialClient::Rollback(const CredentialTarget& version,
                                                          const ProofOptions& options) {
  auto request = RequestFor<v1::RollbackCredentialRequest>(version);
  request.set_organization_id(options.organization_id);
  request.set_skip_verification(!options.verify);
  request.set_end_sessions(options.end_sessions);
  return CredentialOf(impl_->Send(&CredentialStub::RollbackCredential, std::move(request)));
}

absl::StatusOr<v1::Credential> CredentialClient::ResumeRotation(const CredentialTarget& version,
                                                                absl::string_view rotation_id) {
  auto request = RequestFor<v1::ResumeRotationRequest>(version);
  request.set_rotation_id(std::string(rotation_id));
  return CredentialOf(impl_->Send(&CredentialStub::ResumeRotation, std::move(request)));
}

absl::StatusOr<v1::Credential> CredentialClient::CancelRotation(const CredentialTarget& version,
                                                                absl::string_view rotation_id) {
  auto request = RequestFor<v1::CancelRotationRequest>(version);
  request.set_rotation_id(std::string(rotation_id));
  return CredentialOf(impl_->Send(&CredentialStub::CancelRotation, std::move(request)));
}

absl::StatusOr<v1::GetRotationProgressResponse> CredentialClient::Progress(absl::string_view name) {
  v1::GetRotationProgressRequest request;
  request.set_credential(std::string(name));
  return impl_->Send(&CredentialStub::GetRotationProgress, std::move(request));
}

absl::Status CredentialClient::Verify(const CredentialTarget& version,
                                      absl::string_view organization_id) {
  auto request = RequestFor<v1::VerifyCredentialRequest>(version);
  request.set_organization_id(std::string(organization_id));
  return impl_->Send(&CredentialStub::VerifyCredential, std::move(request)).status();
}

absl::Status CredentialClient::Delete(const CredentialTarget& version, bool force) {
  auto request = RequestFor<v1::DeleteCredentialRequest>(version);
  request.set_force(force);
  return impl_->Send(&CredentialStub::DeleteCredential, std::move(request)).status();
}

absl::StatusOr<v1::Credential> CredentialClient::Attach(
    const CredentialTarget& version, const std::vector<NewOrganization>& organizations) {
  const absl::Status checked = CheckOrganizations(organizations);
  if (!checked.ok()) return checked;
  auto request = RequestFor<v1::AttachOrganizationsRequest>(version);
  AddOrganizations(organizations, request);
  return CredentialOf(impl_->Send(&CredentialStub::AttachOrganizations, std::move(request)));
}

absl::StatusOr<v1::Credential> CredentialClient::Detach(
    const CredentialTarget& version, const std::vector<std::string>& organization_ids) {
  auto request = RequestFor<v1::DetachOrganizationsRequest>(version);
  for (const std::string& id : organization_ids) request.add_organization_ids(id);
  return CredentialOf(impl_->Send(&CredentialStub::DetachOrganizations, std::move(request)));
}

absl::StatusOr<std::vector<v1::DiscoveredOrganization>> CredentialClient::Discover(
    absl::string_view name, absl::string_view organization_id) {
  v1::DiscoverOrganizationsRequest request;
  request.set_credential(std::string(name));
  request.set_organization_id(std::string(organization_id));
  absl::StatusOr<v1::DiscoverOrganizationsResponse> response =
      impl_->Send(&CredentialStub::DiscoverOrganizations, std::move(request));
  if (!response.ok()) return response.status();
  auto& found = *response->mutable_organizations();
  return std::vector<v1::DiscoveredOrganization>(std::move_iterator(found.begin()),
                                                 std::move_iterator(found.end()));
}

absl::StatusOr<v1::AdoptKeyringResponse> CredentialClient::PreviewAdoption() {
  v1::AdoptKeyringRequest request;
  request.set_validate_only(true);
  return impl_->Send(&CredentialStub::AdoptKeyring, std::move(request));
}

absl::StatusOr<v1::AdoptKeyringResponse> CredentialClient::AdoptKeyring(
    absl::string_view confirmation) {
  v1::AdoptKeyringRequest request;
  request.set_confirmation(std::string(confirmation));
  return impl_->Send(&CredentialStub::AdoptKeyring, std::move(request));
}

}  // namespace billbroker
