// The rules on a request's shape that the protos state. Each answers MALFORMED_REQUEST naming the
// field's path, such as "requests[3].organization_id".
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

// `prefix` is what stands before the fields' names: empty, or "requests[3].".
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

// Without who asks, and how long that one waits. Requires: CheckShape() says OK.
[[nodiscard]] SessionDemand DemandOf(const v1::GetSessionRequest& request);

// What CreateCredential asks for, without uid, version and times; the rules on its values, but for
// the ids and the name, are ValidateCredential()'s.
[[nodiscard]] absl::StatusOr<Credential> DraftOf(const v1::CreateCredentialRequest& request);

[[nodiscard]] absl::StatusOr<std::vector<Organization>> OrganizationsOf(
    const v1::AttachOrganizationsRequest& request);

[[nodiscard]] absl::StatusOr<std::vector<std::string>> OrganizationIdsOf(
    const v1::DetachOrganizationsRequest& request);

// The secrets are copied. MALFORMED_REQUEST where an organization is named twice.
[[nodiscard]] absl::StatusOr<CredentialChange> ChangeOf(const v1::RotateCredentialRequest& request);

// For every request with the fields credential, uid and version.
[[nodiscard]] absl::StatusOr<CredentialVersion> CheckVersion(const std::string& credential,
                                                             const std::string& uid,
                                                             std::uint64_t version);
template <typename Request>
[[nodiscard]] absl::StatusOr<CredentialVersion> VersionOf(const Request& request) {
  return CheckVersion(request.credential(), request.uid(), request.version());
}

}  // namespace billbroker
