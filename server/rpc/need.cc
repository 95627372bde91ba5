#include "server/rpc/need.h"

#include <algorithm>

#include "server/rpc/translate.h"

namespace billbroker {
namespace {

Need OfPair(absl::string_view rpc, absl::optional<AuditEvent> event, Role role,
            absl::string_view organization_id, absl::string_view credential) {
  return {rpc, event, role, Need::Of::kPair, std::string(organization_id), std::string(credential)};
}

Need OfCredential(absl::string_view rpc, absl::optional<AuditEvent> event, Role role,
                  absl::string_view credential, std::uint64_t version = 0) {
  return {rpc, event, role, Need::Of::kCredential, {}, std::string(credential), version};
}

// Returns the need of a change of the credential version that the caller read.
Need OfChange(absl::string_view rpc, absl::string_view credential, std::uint64_t version) {
  return OfCredential(rpc, AuditEvent::kCredentialChange, Role::kAdmin, credential, version);
}

template <typename Request>
Need OfChange(absl::string_view rpc, const Request& request) {
  return WithPrompts(OfChange(rpc, request.credential(), request.version()), PromptsOf(request));
}

Need OfAnything(absl::string_view rpc, absl::optional<AuditEvent> event, Role role) {
  return {rpc, event, role, Need::Of::kAnything};
}

// Returns `need` for a request that is, or may be, answered from memory; see Gate::StartWaiting().
Need AtOnce(Need need) {
  need.kind = CallKind::kAtOnce;
  return need;
}

// Returns the number of calls that a request for `organizations` counts as: one for each hundred,
// rounded up. Otherwise a batch of a thousand would cost the caller's limits as little as one call.
int CallsOf(int organizations) {
  constexpr int kOfACall = 100;
  return std::max(1, (organizations + kOfACall - 1) / kOfACall);
}

// A session id alone is useless without the devKey. A caller that receives the devKey, also inside
// the headers, needs the role of a caller.
Role RoleToRead(bool with_secrets) { return with_secrets ? Role::kCaller : Role::kReader; }

}  // namespace

Need NeedOf(const v1::GetSessionRequest& request) {
  Need need =
      OfPair("SessionService/GetSession", AuditEvent::kSessionRead,
             RoleToRead(SecretsOf(request).any()), request.organization_id(), request.credential());
  need.kind = CallKind::kAtOnce;
  return need;
}

Need NeedOf(const v1::BatchGetSessionsRequest& request) {
  Need need = AtOnce(
      OfAnything("SessionService/BatchGetSessions", AuditEvent::kSessionRead, Role::kReader));
  need.calls = CallsOf(request.requests_size());
  return need;
}

// The sign-in, if one happens, has a record of its own.
Need NeedOf(const v1::LoginRequest& request) {
  Need need = AtOnce(OfPair("SessionService/Login", AuditEvent::kSessionRead,
                            request.force() ? Role::kOperator : Role::kCaller,
                            request.organization_id(), request.credential()));
  need.whole_credential = request.force();
  return need;
}

Need NeedOf(const v1::LogoutRequest& request) {
  return OfPair("SessionService/Logout", AuditEvent::kLogOut, Role::kOperator,
                request.organization_id(), request.credential());
}

Need NeedOf(const v1::WatchSessionsRequest& request) {
  Need need = OfAnything("SessionService/WatchSessions", AuditEvent::kSessionRead,
                         RoleToRead(SecretsOf(request).any()));
  need.calls = CallsOf(request.organizations_size());
  return need;
}

Need NeedOf(const v1::WatchedOrganization& watched, bool with_secrets) {
  return OfPair("SessionService/WatchSessions", AuditEvent::kSessionRead, RoleToRead(with_secrets),
                watched.organization_id(), watched.credential());
}

Need NeedOf(const v1::ListSessionsRequest& /*request*/) {
  return AtOnce(OfAnything("SessionService/ListSessions", {}, Role::kOperator));
}

Need NeedOf(const v1::GetStatusRequest& /*request*/) {
  return AtOnce(OfAnything("SessionService/GetStatus", {}, Role::kOperator));
}

Need NeedOf(const v1::GetCredentialRequest& request) {
  return AtOnce(
      OfCredential("CredentialService/GetCredential", {}, Role::kOperator, request.credential()));
}

Need NeedOf(const v1::ListCredentialsRequest& /*request*/) {
  return AtOnce(OfAnything("CredentialService/ListCredentials", {}, Role::kOperator));
}

Need NeedOf(const v1::DeleteCredentialRequest& request) {
  return OfChange("CredentialService/DeleteCredential", request);
}

Need NeedOf(const v1::RotateCredentialRequest& request) {
  return WithPrompts(NeedToRotate(request.credential(), request.version()), PromptsOf(request));
}

Need NeedToRotate(absl::string_view credential, std::uint64_t version) {
  return OfChange("CredentialService/RotateCredential", credential, version);
}

Need NeedOf(const v1::ResumeRotationRequest& request) {
  return OfChange("CredentialService/ResumeRotation", request);
}

Need NeedOf(const v1::CancelRotationRequest& request) {
  return OfChange("CredentialService/CancelRotation", request);
}

Need NeedOf(const v1::RollbackCredentialRequest& request) {
  return OfChange("CredentialService/RollbackCredential", request);
}

Need NeedOf(const v1::DetachOrganizationsRequest& request) {
  Need need = OfChange("CredentialService/DetachOrganizations", request);
  need.organizations.assign(request.organization_ids().begin(), request.organization_ids().end());
  return need;
}

// The sign-in has a record of its own, and nothing else changes.
Need NeedOf(const v1::VerifyCredentialRequest& request) {
  return OfCredential("CredentialService/VerifyCredential", {}, Role::kOperator,
                      request.credential());
}

Need NeedOf(const v1::GetRotationProgressRequest& request) {
  return AtOnce(OfCredential("CredentialService/GetRotationProgress", {}, Role::kOperator,
                             request.credential()));
}

Need NeedOf(const v1::DiscoverOrganizationsRequest& request) {
  return OfCredential("CredentialService/DiscoverOrganizations", {}, Role::kAdmin,
                      request.credential());
}

// A preview is not recorded.
Need NeedOf(const v1::AdoptKeyringRequest& request) {
  Need need = {"CredentialService/AdoptKeyring", {}, Role::kAdmin, Need::Of::kEverything};
  if (!request.validate_only()) need.event = AuditEvent::kKeyringAdopt;
  need.local_only = true;
  return need;
}

Need NeedOf(const v1::StartChallengeRequest& request) {
  return OfCredential("MfaService/StartChallenge", AuditEvent::kMfaChange, Role::kOperator,
                      request.credential());
}

Need NeedOf(const v1::CompleteChallengeRequest& request) {
  return WithPrompts(
      OfAnything("MfaService/CompleteChallenge", AuditEvent::kMfaChange, Role::kOperator),
      PromptsOf(request));
}

Need WithPrompts(Need need, Prompts prompts) {
  if (prompts == Prompts::kRefused) return need;
  need.role = Role::kAdmin;
  need.local_only = true;
  return need;
}

Need NeedToComplete(absl::string_view credential) {
  return OfCredential("MfaService/CompleteChallenge", AuditEvent::kMfaChange, Role::kOperator,
                      credential);
}

Need NeedOf(const v1::StepUpRequest& request) {
  return OfCredential("MfaService/StepUp", AuditEvent::kMfaChange, Role::kOperator,
                      request.credential());
}

Need NeedOf(const v1::VerifyAuditRequest& /*request*/) {
  return OfAnything("AuditService/VerifyAudit", {}, Role::kOperator);
}

Need NeedToCreate(const Credential& draft) {
  Need need = NeedToAttach(draft.name, 0, draft.organizations);
  need.rpc = "CredentialService/CreateCredential";
  return need;
}

Need NeedToAttach(absl::string_view credential, std::uint64_t version,
                  const std::vector<Organization>& organizations) {
  Need need = OfChange("CredentialService/AttachOrganizations", credential, version);
  need.attaches = true;
  for (const Organization& each : organizations) need.organizations.push_back(each.id);
  return need;
}

}  // namespace billbroker
