// Checks of a request's shape, as the protos define it. Each error is MALFORMED_REQUEST and names
// the path of the field, such as "requests[3].organization_id".
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "billbroker/v1/audit.pb.h"
#include "billbroker/v1/credential.pb.h"
#include "billbroker/v1/mfa.pb.h"
#include "billbroker/v1/session.pb.h"

namespace billbroker {

// Returns OK: these requests have no field to check. VerifyAudit checks each message of its stream.
inline absl::Status CheckShape(const v1::GetStatusRequest& /*request*/) { return absl::OkStatus(); }
inline absl::Status CheckShape(const v1::AdoptKeyringRequest& /*request*/) {
  return absl::OkStatus();
}
inline absl::Status CheckShape(const v1::VerifyAuditRequest& /*request*/) {
  return absl::OkStatus();
}

// Checks the request. `prefix` precedes the field names in errors: empty, or "requests[3].".
[[nodiscard]] absl::Status CheckShape(const v1::GetSessionRequest& request,
                                      absl::string_view prefix = "");
// Does not check the single requests: the outcome of each reports its own shape.
[[nodiscard]] absl::Status CheckShape(const v1::BatchGetSessionsRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::LoginRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::LogoutRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::WatchSessionsRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::ListSessionsRequest& request);
// Checks only the name, the kind and the organizations; ValidateCredential() checks the other
// values.
[[nodiscard]] absl::Status CheckShape(const v1::CreateCredentialRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::GetCredentialRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::ListCredentialsRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::DeleteCredentialRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::RotateCredentialRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::ResumeRotationRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::CancelRotationRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::RollbackCredentialRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::VerifyCredentialRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::GetRotationProgressRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::AttachOrganizationsRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::DetachOrganizationsRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::DiscoverOrganizationsRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::StartChallengeRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::CompleteChallengeRequest& request);
[[nodiscard]] absl::Status CheckShape(const v1::StepUpRequest& request);

}  // namespace billbroker
