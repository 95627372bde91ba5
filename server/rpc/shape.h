// Checks of a request's shape, as the protos define it. Each error is MALFORMED_REQUEST and names
// the path of the field, such as "requests[3].organization_id".
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "billbroker/v1/credential.pb.h"
#include "billbroker/v1/mfa.pb.h"
#include "billbroker/v1/session.pb.h"
#include "server/credentials/credential_manager.h"
#include "server/session/session_manager.h"
#include "vault/credential.h"

namespace billbroker {

// Checks the shape of a request; `prefix` precedes the field names in errors: empty, or
// "requests[3].".
// "requests[3].".
[[nodiscard]] absl::Status CheckShape(const v1::GetSessionRequest& request,
                                      absl::string_view prefix = "");
[[nodiscard]] absl::Status CheckShape(const v1::BatchGetSessionsRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::LoginRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::LogoutRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::WatchSessionsRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::ListSessionsRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::GetCredentialRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::DiscoverOrganizationsRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::GetRotationProgressRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::StartChallengeRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::CompleteChallengeRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::StepUpRequest& request);

// Returns the demand without the caller and the time that it waits. Requires: CheckShape()
// succeeded.
[[nodiscard]] SessionDemand DemandOf(const v1::GetSessionRequest& request);

// Returns the credential that the request describes, without uid, version and times. Checks only
// the name and the ids; ValidateCredential() checks the other values.
[[nodiscard]] absl::StatusOr<Credential> DraftOf(const v1::CreateCredentialRequest& request);

[[nodiscard]] absl::StatusOr<std::vector<Organization>> OrganizationsOf(
    const v1::AttachOrganizationsRequest& request);

[[nodiscard]] absl::StatusOr<std::vector<std::string>> OrganizationIdsOf(
    const v1::DetachOrganizationsRequest& request);

// Returns the requested change, with copies of the secrets. Fails with MALFORMED_REQUEST if it
// names an organization twice.
[[nodiscard]] absl::StatusOr<CredentialChange> ChangeOf(const v1::RotateCredentialRequest& request);

// Returns the credential version of the fields credential, uid and version.
[[nodiscard]] absl::StatusOr<CredentialVersion> CheckVersion(const std::string& credential,
                                                             const std::string& uid,
                                                             std::uint64_t version);
template <typename Request>
[[nodiscard]] absl::StatusOr<CredentialVersion> VersionOf(const Request& request) {
  return CheckVersion(request.credential(), request.uid(), request.version());
}

}  // namespace billbroker
