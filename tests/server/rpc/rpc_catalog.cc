#include "tests/server/rpc/rpc_catalog.h"

#include "tests/server/rpc/watch_fixture.h"

namespace billbroker {
namespace {

constexpr char kOk[] = "OK";
constexpr char kNoOrganization[] = "NOT_FOUND UNKNOWN_ORGANIZATION";
constexpr char kNoCredential[] = "NOT_FOUND UNKNOWN_CREDENTIAL";
constexpr char kConflict[] = "ABORTED VERSION_CONFLICT";
constexpr char kMalformed[] = "INVALID_ARGUMENT MALFORMED_REQUEST";

}  // namespace

std::vector<RpcCatalogTest::Row> RpcCatalogTest::SessionRows() {
  using Stub = v1::SessionService::Stub;
  v1::SessionService::Stub& stub = *sessions_;
  const auto get = [this, &stub](const Target& target, bool dev_key, bool headers) {
    auto request = OfPair<v1::GetSessionRequest>(target);
    request.set_include_dev_key(dev_key);
    request.set_include_headers(headers);
    return Ask(stub, &Stub::GetSession, request);
  };
  const auto batch = [this, &stub](const Target& target, bool dev_key, bool headers) {
    v1::BatchGetSessionsRequest request;
    *request.add_requests() = OfPair<v1::GetSessionRequest>(target);
    request.mutable_requests(0)->set_include_dev_key(dev_key);
    request.mutable_requests(0)->set_include_headers(headers);
    v1::BatchGetSessionsResponse response;
    absl::Status status = Call(stub, &Stub::BatchGetSessions, request, &response);
    return status.ok() ? FromErrorStatus(response.outcomes(0).error()) : status;
  };
  const auto login = [this, &stub](const Target& target, bool force, bool secrets) {
    auto request = OfPair<v1::LoginRequest>(target);
    request.set_force(force);
    request.set_include_dev_key(secrets);
    request.set_include_headers(secrets);
    return Ask(stub, &Stub::Login, request);
  };
  const auto watch = [&stub](const Target& target, bool dev_key, bool headers) {
    v1::WatchSessionsRequest request;
    request.add_organizations()->set_organization_id(target.organization_id);
    request.set_include_dev_key(dev_key);
    request.set_include_headers(headers);
    WatchReader reader(stub, request);
    const v1::WatchSessionsResponse first = reader.Next();
    return first.has_update() ? FromErrorStatus(first.update().error()) : reader.End();
  };
  return {
      {"GetSession", Role::kReader, Scope::kPair, kOk, kNoOrganization,
       [get](const Target& t) { return get(t, false, false); }},
      {"GetSession", Role::kCaller, Scope::kPair, kOk, kNoOrganization,
       [get](const Target& t) { return get(t, true, false); }},
      {"GetSession", Role::kCaller, Scope::kPair, kOk, kNoOrganization,
       [get](const Target& t) { return get(t, false, true); }},
      {"BatchGetSessions", Role::kReader, Scope::kPair, kOk, kNoOrganization,
       [batch](const Target& t) { return batch(t, false, false); }},
      {"BatchGetSessions", Role::kCaller, Scope::kPair, kOk, kNoOrganization,
       [batch](const Target& t) { return batch(t, true, false); }},
      {"BatchGetSessions", Role::kCaller, Scope::kPair, kOk, kNoOrganization,
       [batch](const Target& t) { return batch(t, false, true); }},
      {"Login", Role::kCaller, Scope::kPair, kOk, kNoOrganization,
       [login](const Target& t) { return login(t, false, false); }},
      {"Login", Role::kCaller, Scope::kPair, kOk, kNoOrganization,
       [login](const Target& t) { return login(t, false, true); }},
      {"Login", Role::kOperator, Scope::kCredentialOfOrganization, kOk, kNoOrganization,
       [login](const Target& t) { return login(t, true, false); }},
      {"Login", Role::kOperator, Scope::kCredentialOfOrganization, kOk, kNoOrganization,
       [login](const Target& t) { return login(t, true, true); }},
      {"WatchSessions", Role::kReader, Scope::kPair, kOk, kNoOrganization,
       [watch](const Target& t) { return watch(t, false, false); }},
      {"WatchSessions", Role::kCaller, Scope::kPair, kOk, kNoOrganization,
       [watch](const Target& t) { return watch(t, true, false); }},
      {"WatchSessions", Role::kCaller, Scope::kPair, kOk, kNoOrganization,
       [watch](const Target& t) { return watch(t, false, true); }},
      {"Logout", Role::kOperator, Scope::kPair, kOk, kNoOrganization,
       [this, &stub](const Target& t) {
         return Ask(stub, &Stub::Logout, OfPair<v1::LogoutRequest>(t));
       }},
      {"ListSessions", Role::kOperator, Scope::kAnything, kOk, kOk,
       [this, &stub](const Target&) {
         return Ask(stub, &Stub::ListSessions, v1::ListSessionsRequest());
       }},
      {"GetStatus", Role::kOperator, Scope::kAnything, kOk, kOk,
       [this, &stub](const Target&) {
         return Ask(stub, &Stub::GetStatus, v1::GetStatusRequest());
       }},
  };
}

std::vector<RpcCatalogTest::Row> RpcCatalogTest::CredentialRows() {
  using Stub = v1::CredentialService::Stub;
  v1::CredentialService::Stub& stub = *credentials_;
  const auto named = [](auto request, const Target& target) {
    request.set_credential(target.credential);
    return request;
  };
  const auto rotation = [](auto request) {
    request.set_rotation_id("r");
    return request;
  };
  return {
      {"CreateCredential", Role::kAdmin, Scope::kAttachment, kMalformed, kMalformed,
       [this, &stub](const Target& t) {
         auto request = NewUser(t.credential, {t.organization_id});
         request.set_environment("no-such");  // so that nothing is made
         return Ask(stub, &Stub::CreateCredential, request);
       }},
      {"GetCredential", Role::kOperator, Scope::kCredential, kOk, kNoCredential,
       [this, &stub, named](const Target& t) {
         return Ask(stub, &Stub::GetCredential, named(v1::GetCredentialRequest(), t));
       }},
      {"ListCredentials", Role::kOperator, Scope::kAnything, kOk, kOk,
       [this, &stub](const Target&) {
         return Ask(stub, &Stub::ListCredentials, v1::ListCredentialsRequest());
       }},
      {"DeleteCredential", Role::kAdmin, Scope::kCredential, kConflict, kNoCredential,
       [this, &stub](const Target& t) {
         return Ask(stub, &Stub::DeleteCredential, OfVersion<v1::DeleteCredentialRequest>(t));
       }},
      {"RotateCredential", Role::kAdmin, Scope::kCredential, kConflict, kNoCredential,
       [this, &stub](const Target& t) {
         auto request = OfVersion<v1::RotateCredentialRequest>(t);
         request.set_password("s3cret-next");
         return Ask(stub, &Stub::RotateCredential, request);
       }},
      {"ResumeRotation", Role::kAdmin, Scope::kCredential, kConflict, kNoCredential,
       [this, &stub, rotation](const Target& t) {
         return Ask(stub, &Stub::ResumeRotation, rotation(OfVersion<v1::ResumeRotationRequest>(t)));
       }},
      {"CancelRotation", Role::kAdmin, Scope::kCredential, kConflict, kNoCredential,
       [this, &stub, rotation](const Target& t) {
         return Ask(stub, &Stub::CancelRotation, rotation(OfVersion<v1::CancelRotationRequest>(t)));
       }},
      {"RollbackCredential", Role::kAdmin, Scope::kCredential, kConflict, kNoCredential,
       [this, &stub](const Target& t) {
         return Ask(stub, &Stub::RollbackCredential, OfVersion<v1::RollbackCredentialRequest>(t));
       }},
      {"VerifyCredential", Role::kOperator, Scope::kCredential, kConflict, kNoCredential,
       [this, &stub](const Target& t) {
         return Ask(stub, &Stub::VerifyCredential, OfVersion<v1::VerifyCredentialRequest>(t));
       }},
      {"GetRotationProgress", Role::kOperator, Scope::kCredential, kOk, kNoCredential,
       [this, &stub, named](const Target& t) {
         return Ask(stub, &Stub::GetRotationProgress, named(v1::GetRotationProgressRequest(), t));
       }},
      {"AttachOrganizations", Role::kAdmin, Scope::kAttachment, kConflict, kNoCredential,
       [this, &stub](const Target& t) {
         auto request = OfVersion<v1::AttachOrganizationsRequest>(t);
         request.add_organizations()->set_organization_id(t.organization_id);
         return Ask(stub, &Stub::AttachOrganizations, request);
       }},
      {"DetachOrganizations", Role::kAdmin, Scope::kCredential, kConflict, kNoCredential,
       [this, &stub](const Target& t) {
         auto request = OfVersion<v1::DetachOrganizationsRequest>(t);
         request.add_organization_ids(t.organization_id);
         return Ask(stub, &Stub::DetachOrganizations, request);
       }},
      {"DiscoverOrganizations", Role::kAdmin, Scope::kCredential, kOk, kNoCredential,
       [this, &stub, named](const Target& t) {
         return Ask(stub, &Stub::DiscoverOrganizations,
                    named(v1::DiscoverOrganizationsRequest(), t));
       }},
      {"AdoptKeyring", Role::kAdmin, Scope::kEverything, kMalformed, kMalformed,
       [this, &stub](const Target&) {
         return Ask(stub, &Stub::AdoptKeyring, v1::AdoptKeyringRequest());
       }},
  };
}

std::vector<RpcCatalogTest::Row> RpcCatalogTest::MfaRows() {
  using Stub = v1::MfaService::Stub;
  v1::MfaService::Stub& stub = *mfa_;
  return {
      {"StartChallenge", Role::kOperator, Scope::kCredential, kOk, kNoCredential,
       [this, &stub](const Target& t) {
         v1::StartChallengeRequest request;
         request.set_credential(t.credential);
         return Ask(stub, &Stub::StartChallenge, request);
       }},
      {"CompleteChallenge", Role::kOperator, Scope::kAnything, kMalformed, kMalformed,
       [this, &stub](const Target&) {
         v1::CompleteChallengeRequest request;
         request.set_challenge_id("none");
         request.set_code("123456");
         return Ask(stub, &Stub::CompleteChallenge, request);
       }},
      {"StepUp", Role::kOperator, Scope::kCredential, "FAILED_PRECONDITION MFA_REQUIRED",
       kNoCredential,
       [this, &stub](const Target& t) {
         v1::StepUpRequest request;
         request.set_credential(t.credential);
         return Ask(stub, &Stub::StepUp, request);
       }},
  };
}

std::vector<RpcCatalogTest::Row> RpcCatalogTest::AuditRows() {
  return {{"VerifyAudit", Role::kOperator, Scope::kAnything, kMalformed, kMalformed,
           [this](const Target&) {
             grpc::ClientContext context;
             v1::VerifyAuditResponse response;
             const auto writer = audits_->VerifyAudit(&context, &response);
             writer->WritesDone();
             return FromGrpcStatus(writer->Finish());
           }}};
}

}  // namespace billbroker
