// Conversion of requests to the values of other modules. All functions require that CheckShape()
// succeeded.
#pragma once

#include <string>
#include <vector>

#include "billbroker/v1/credential.pb.h"
#include "billbroker/v1/session.pb.h"
#include "server/credentials/change_requests.h"
#include "server/session/session_manager.h"
#include "vault/credential.h"
#include "vault/prompt_scope.h"

namespace billbroker {

// Returns the demand without the caller and the time that it waits.
[[nodiscard]] SessionDemand DemandOf(const v1::GetSessionRequest& request);

// Returns the credential that the request describes, without uid, version and times.
[[nodiscard]] Credential DraftOf(const v1::CreateCredentialRequest& request);

// Returns the requested change, with copies of the secrets.
[[nodiscard]] CredentialChange ChangeOf(const v1::RotateCredentialRequest& request);

// Returns the organizations, with copies of their devKeys.
[[nodiscard]] std::vector<Organization> OrganizationsOf(
    const google::protobuf::RepeatedPtrField<v1::OrganizationSpec>& specs);

// Returns the credential version of the fields credential, uid and version.
template <typename Request>
[[nodiscard]] CredentialVersion VersionOf(const Request& request) {
  return {request.credential(), request.uid(), request.version()};
}

// Returns whether the caller allows prompts of the Secret Service.
template <typename Request>
[[nodiscard]] Prompts PromptsOf(const Request& request) {
  return request.allow_prompt() ? Prompts::kAllowed : Prompts::kRefused;
}

}  // namespace billbroker
