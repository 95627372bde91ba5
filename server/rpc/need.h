// Need: the permission that a request needs, and its entry in the audit log.
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
#include "vault/credential.h"
#include "vault/prompt_scope.h"

namespace billbroker {

// Owns its strings: a change of a credential moves parts of its request away while a later check
// still needs them.
struct Need {
  enum class Of {
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
  Of of = Of::kCredential;
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
[[nodiscard]] Need NeedOf(const v1::GetSessionRequest& request);
[[nodiscard]] Need NeedOf(const v1::BatchGetSessionsRequest& request);
[[nodiscard]] Need NeedOf(const v1::LoginRequest& request);
[[nodiscard]] Need NeedOf(const v1::LogoutRequest& request);
[[nodiscard]] Need NeedOf(const v1::WatchSessionsRequest& request);
[[nodiscard]] Need NeedOf(const v1::WatchedOrganization& watched, bool with_secrets);
[[nodiscard]] Need NeedOf(const v1::ListSessionsRequest& request);
[[nodiscard]] Need NeedOf(const v1::GetStatusRequest& request);
[[nodiscard]] Need NeedOf(const v1::GetCredentialRequest& request);
[[nodiscard]] Need NeedOf(const v1::ListCredentialsRequest& request);
[[nodiscard]] Need NeedOf(const v1::DeleteCredentialRequest& request);
[[nodiscard]] Need NeedOf(const v1::RotateCredentialRequest& request);
[[nodiscard]] Need NeedOf(const v1::ResumeRotationRequest& request);
[[nodiscard]] Need NeedOf(const v1::CancelRotationRequest& request);
[[nodiscard]] Need NeedOf(const v1::RollbackCredentialRequest& request);
[[nodiscard]] Need NeedOf(const v1::VerifyCredentialRequest& request);
[[nodiscard]] Need NeedOf(const v1::GetRotationProgressRequest& request);
[[nodiscard]] Need NeedOf(const v1::DetachOrganizationsRequest& request);
[[nodiscard]] Need NeedOf(const v1::DiscoverOrganizationsRequest& request);
[[nodiscard]] Need NeedOf(const v1::AdoptKeyringRequest& request);
[[nodiscard]] Need NeedOf(const v1::StartChallengeRequest& request);
[[nodiscard]] Need NeedOf(const v1::CompleteChallengeRequest& request);
[[nodiscard]] Need NeedOf(const v1::StepUpRequest& request);
[[nodiscard]] Need NeedOf(const v1::VerifyAuditRequest& request);
// Returns the need of a CompleteChallenge, whose request names only the challenge. `credential` is
// the one that the challenge belongs to.
[[nodiscard]] Need NeedToComplete(absl::string_view credential);
// Returns whether the caller allows prompts of the Secret Service.
template <typename Request>
[[nodiscard]] Prompts PromptsOf(const Request& request) {
  return request.allow_prompt() ? Prompts::kAllowed : Prompts::kRefused;
}
// Returns `need` for a call with `prompts`. If they are allowed, it also needs the role admin and a
// Unix socket, because the prompt is shown on the broker's machine.
[[nodiscard]] Need WithPrompts(Need need, Prompts prompts);
// Returns the need of a call whose request message has been freed.
[[nodiscard]] Need NeedToRotate(absl::string_view credential, std::uint64_t version);
[[nodiscard]] Need NeedToCreate(const Credential& draft);
[[nodiscard]] Need NeedToAttach(absl::string_view credential, std::uint64_t version,
                                const std::vector<Organization>& organizations);

}  // namespace billbroker
