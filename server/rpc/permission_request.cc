#include "server/rpc/permission_request.h"

#include <algorithm>

#include "server/rpc/translate.h"

namespace billbroker {
namespace {

using Scope = PermissionRequest::Scope;

PermissionRequest OfPair(absl::string_view rpc, absl::optional<AuditEvent> event, Role role,
                         absl::string_view organization_id, absl::string_view credential) {
  return {rpc, event, role, Scope::kPair, std::string(organization_id), std::string(credential)};
}

PermissionRequest OfCredential(absl::string_view rpc, absl::optional<AuditEvent> event, Role role,
                               absl::string_view credential) {
  return {rpc, event, role, Scope::kCredential, {}, std::string(credential)};
}

PermissionRequest OfAnything(absl::string_view rpc, absl::optional<AuditEvent> event, Role role) {
  return {rpc, event, role, Scope::kAnything};
}

// Returns `permission` for a request that is, or may be, answered from memory; see
// Authorizer::StartWaiting().
PermissionRequest AtOnce(PermissionRequest permission) {
  permission.kind = CallKind::kAtOnce;
  return permission;
}

// A prompt of the Secret Service is shown on the broker's machine, so a call that allows it needs
// the role admin and a Unix socket.
template <typename Request>
PermissionRequest WithPrompts(PermissionRequest permission, const Request& request) {
  if (!request.allow_prompt()) return permission;
  permission.role = Role::kAdmin;
  permission.local_only = true;
  return permission;
}

template <typename Request>
PermissionRequest OfChange(absl::string_view rpc, const Request& request) {
  return WithPrompts(
      OfCredential(rpc, AuditEvent::kCredentialChange, Role::kAdmin, request.credential()),
      request);
}

// Returns the permission of a change of the credential version that the caller read.
template <typename Request>
PermissionRequest OfVersion(absl::string_view rpc, const Request& request) {
  PermissionRequest permission = OfChange(rpc, request);
  permission.version = request.version();
  return permission;
}

template <typename Request>
PermissionRequest Attaching(PermissionRequest permission, const Request& request) {
  permission.attaches = true;
  for (const v1::OrganizationSpec& each : request.organizations()) {
    permission.organizations.push_back(each.organization_id());
  }
  return permission;
}

// Returns the number of calls that a request for `organizations` counts as.
int CallsOf(int organizations) {
  return std::max(1, (organizations + kOrganizationsOfACall - 1) / kOrganizationsOfACall);
}

// A session id alone is useless without the devKey. A caller that receives the devKey, also inside
// the headers, needs the role of a caller.
Role RoleToRead(bool with_secrets) { return with_secrets ? Role::kCaller : Role::kReader; }

}  // namespace

PermissionRequest PermissionFor(const v1::GetSessionRequest& request) {
  PermissionRequest permission =
      OfPair("SessionService/GetSession", AuditEvent::kSessionRead,
             RoleToRead(SecretsOf(request).any()), request.organization_id(), request.credential());
  permission.kind = CallKind::kAtOnce;
  return permission;
}

PermissionRequest PermissionFor(const v1::BatchGetSessionsRequest& request) {
  PermissionRequest permission = AtOnce(
      OfAnything("SessionService/BatchGetSessions", AuditEvent::kSessionRead, Role::kReader));
  permission.calls = CallsOf(request.requests_size());
  return permission;
}

// The sign-in, if one happens, has a record of its own.
PermissionRequest PermissionFor(const v1::LoginRequest& request) {
  PermissionRequest permission = AtOnce(OfPair("SessionService/Login", AuditEvent::kSessionRead,
                                               request.force() ? Role::kOperator : Role::kCaller,
                                               request.organization_id(), request.credential()));
  permission.whole_credential = request.force();
  return permission;
}

PermissionRequest PermissionFor(const v1::LogoutRequest& request) {
  return OfPair("SessionService/Logout", AuditEvent::kLogOut, Role::kOperator,
                request.organization_id(), request.credential());
}

PermissionRequest PermissionFor(const v1::WatchSessionsRequest& request) {
  PermissionRequest permission =
      OfAnything("SessionService/WatchSessions", AuditEvent::kSessionRead,
                 RoleToRead(SecretsOf(request).any()));
  permission.calls = CallsOf(request.organizations_size());
  permission.kind = CallKind::kWatch;
  return permission;
}

PermissionRequest PermissionFor(const v1::WatchedOrganization& watched, bool with_secrets) {
  return OfPair("SessionService/WatchSessions", AuditEvent::kSessionRead, RoleToRead(with_secrets),
                watched.organization_id(), watched.credential());
}

PermissionRequest PermissionFor(const v1::ListSessionsRequest& /*request*/) {
  return AtOnce(OfAnything("SessionService/ListSessions", {}, Role::kOperator));
}

PermissionRequest PermissionFor(const v1::GetStatusRequest& /*request*/) {
  return AtOnce(OfAnything("SessionService/GetStatus", {}, Role::kOperator));
}

PermissionRequest PermissionFor(const v1::CreateCredentialRequest& request) {
  return Attaching(OfChange("CredentialService/CreateCredential", request), request);
}

PermissionRequest PermissionFor(const v1::GetCredentialRequest& request) {
  return AtOnce(
      OfCredential("CredentialService/GetCredential", {}, Role::kOperator, request.credential()));
}

PermissionRequest PermissionFor(const v1::ListCredentialsRequest& /*request*/) {
  return AtOnce(OfAnything("CredentialService/ListCredentials", {}, Role::kOperator));
}

PermissionRequest PermissionFor(const v1::DeleteCredentialRequest& request) {
  return OfVersion("CredentialService/DeleteCredential", request);
}

PermissionRequest PermissionFor(const v1::RotateCredentialRequest& request) {
  return OfVersion("CredentialService/RotateCredential", request);
}

PermissionRequest PermissionFor(const v1::ResumeRotationRequest& request) {
  return OfVersion("CredentialService/ResumeRotation", request);
}

PermissionRequest PermissionFor(const v1::CancelRotationRequest& request) {
  return OfVersion("CredentialService/CancelRotation", request);
}

PermissionRequest PermissionFor(const v1::RollbackCredentialRequest& request) {
  return OfVersion("CredentialService/RollbackCredential", request);
}

// The sign-in has a record of its own, and nothing else changes.
PermissionRequest PermissionFor(const v1::VerifyCredentialRequest& request) {
  return OfCredential("CredentialService/VerifyCredential", {}, Role::kOperator,
                      request.credential());
}

PermissionRequest PermissionFor(const v1::GetRotationProgressRequest& request) {
  return AtOnce(OfCredential("CredentialService/GetRotationProgress", {}, Role::kOperator,
                             request.credential()));
}

PermissionRequest PermissionFor(const v1::AttachOrganizationsRequest& request) {
  return Attaching(OfVersion("CredentialService/AttachOrganizations", request), request);
}

PermissionRequest PermissionFor(const v1::DetachOrganizationsRequest& request) {
  PermissionRequest permission = OfVersion("CredentialService/DetachOrganizations", request);
  permission.organizations.assign(request.organization_ids().begin(),
                                  request.organization_ids().end());
  return permission;
}

PermissionRequest PermissionFor(const v1::DiscoverOrganizationsRequest& request) {
  return OfCredential("CredentialService/DiscoverOrganizations", {}, Role::kAdmin,
                      request.credential());
}

// A preview is not recorded.
PermissionRequest PermissionFor(const v1::AdoptKeyringRequest& request) {
  PermissionRequest permission = {
      "CredentialService/AdoptKeyring", {}, Role::kAdmin, Scope::kEverything};
  if (!request.validate_only()) permission.event = AuditEvent::kKeyringAdopt;
  permission.local_only = true;
  return permission;
}

PermissionRequest PermissionFor(const v1::StartChallengeRequest& request) {
  return OfCredential("MfaService/StartChallenge", AuditEvent::kMfaChange, Role::kOperator,
                      request.credential());
}

PermissionRequest PermissionFor(const v1::CompleteChallengeRequest& request) {
  return WithPrompts(
      OfAnything("MfaService/CompleteChallenge", AuditEvent::kMfaChange, Role::kOperator), request);
}

PermissionRequest PermissionToComplete(PermissionRequest permission, absl::string_view credential) {
  permission.scope = Scope::kCredential;
  permission.credential = std::string(credential);
  return permission;
}

PermissionRequest PermissionFor(const v1::StepUpRequest& request) {
  return OfCredential("MfaService/StepUp", AuditEvent::kMfaChange, Role::kOperator,
                      request.credential());
}

PermissionRequest PermissionFor(const v1::VerifyAuditRequest& /*request*/) {
  return OfAnything("AuditService/VerifyAudit", {}, Role::kOperator);
}

}  // namespace billbroker
