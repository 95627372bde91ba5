// PermissionRequest: the permission that a call needs, and its entry in the audit log.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "billbroker/v1/audit.pb.h"
#include "billbroker/v1/credential.pb.h"
#include "billbroker/v1/mfa.pb.h"
#include "billbroker/v1/session.pb.h"
#include "server/access/audit/audit_entry.h"
#include "server/access/caller.h"

namespace billbroker {

// Computed once for each call. Owns its strings: a change of a credential moves parts of its
// request away while a later check still needs them. docs/permissions.md lists all of them.
struct PermissionRequest {
  enum class Scope {
    kAnything,    // any grant in the role; the handler checks each object by itself
    kPair,        // the organization, with the credential if the request names one
    kCredential,  // the credential as a whole, and with `attaches` each of the organizations
    kEverything,  // a grant of all organizations or of all credentials
  };
  // "SessionService/Login"; a literal.
  absl::string_view rpc;
  // Unset: only a refusal is recorded.
  absl::optional<AuditEvent> event;
  Role role = Role::kAdmin;
  Scope scope = Scope::kCredential;
  std::string organization_id = {};
  std::string credential = {};
  std::uint64_t version = 0;                    // of the credential, as the caller read it
  std::vector<std::string> organizations = {};  // named by a change of a credential
  bool attaches = false;                        // the change attaches `organizations`
  // Of kPair: a grant of the organization is not enough; the credential must be granted.
  bool whole_credential = false;
  bool local_only = false;  // the call must come over a Unix socket
  int calls = 1;            // the number that the call counts as for the caller's limits
  // A call of kAtOnce counts as such until StartWaiting().
  CallKind kind = CallKind::kWaiting;
};

// Returns the permission that the request needs. A request without an overload does not compile
// where it is admitted.
[[nodiscard]] PermissionRequest PermissionFor(const v1::GetSessionRequest& request);
[[nodiscard]] PermissionRequest PermissionFor(const v1::BatchGetSessionsRequest& request);
[[nodiscard]] PermissionRequest PermissionFor(const v1::LoginRequest& request);
[[nodiscard]] PermissionRequest PermissionFor(const v1::LogoutRequest& request);
[[nodiscard]] PermissionRequest PermissionFor(const v1::WatchSessionsRequest& request);
[[nodiscard]] PermissionRequest PermissionFor(const v1::WatchedOrganization& watched,
                                              bool with_secrets);
[[nodiscard]] PermissionRequest PermissionFor(const v1::ListSessionsRequest& request);
[[nodiscard]] PermissionRequest PermissionFor(const v1::GetStatusRequest& request);
[[nodiscard]] PermissionRequest PermissionFor(const v1::CreateCredentialRequest& request);
[[nodiscard]] PermissionRequest PermissionFor(const v1::GetCredentialRequest& request);
[[nodiscard]] PermissionRequest PermissionFor(const v1::ListCredentialsRequest& request);
[[nodiscard]] PermissionRequest PermissionFor(const v1::DeleteCredentialRequest& request);
[[nodiscard]] PermissionRequest PermissionFor(const v1::RotateCredentialRequest& request);
[[nodiscard]] PermissionRequest PermissionFor(const v1::ResumeRotationRequest& request);
[[nodiscard]] PermissionRequest PermissionFor(const v1::CancelRotationRequest& request);
[[nodiscard]] PermissionRequest PermissionFor(const v1::RollbackCredentialRequest& request);
[[nodiscard]] PermissionRequest PermissionFor(const v1::VerifyCredentialRequest& request);
[[nodiscard]] PermissionRequest PermissionFor(const v1::GetRotationProgressRequest& request);
[[nodiscard]] PermissionRequest PermissionFor(const v1::AttachOrganizationsRequest& request);
[[nodiscard]] PermissionRequest PermissionFor(const v1::DetachOrganizationsRequest& request);
[[nodiscard]] PermissionRequest PermissionFor(const v1::DiscoverOrganizationsRequest& request);
[[nodiscard]] PermissionRequest PermissionFor(const v1::AdoptKeyringRequest& request);
[[nodiscard]] PermissionRequest PermissionFor(const v1::StartChallengeRequest& request);
[[nodiscard]] PermissionRequest PermissionFor(const v1::CompleteChallengeRequest& request);
[[nodiscard]] PermissionRequest PermissionFor(const v1::StepUpRequest& request);
[[nodiscard]] PermissionRequest PermissionFor(const v1::VerifyAuditRequest& request);

// Returns the permission that a CompleteChallenge needs: its request names only the challenge,
// which belongs to `credential`. `permission` is that of the request.
[[nodiscard]] PermissionRequest PermissionToComplete(PermissionRequest permission,
                                                     absl::string_view credential);

}  // namespace billbroker
