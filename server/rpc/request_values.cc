#include "server/rpc/request_values.h"

#include <string>
#include <vector>

#include "absl/types/optional.h"

namespace billbroker {
namespace {

static_assert(static_cast<int>(CredentialKind::kPartner) ==
              v1::CREDENTIAL_KIND_PARTNER - v1::CREDENTIAL_KIND_USER);

absl::optional<SecretString> CopyIfSet(const std::string& secret) {
  if (secret.empty()) return absl::nullopt;
  return SecretString::CopyOf(secret);
}

}  // namespace

SessionDemand DemandOf(const v1::GetSessionRequest& request) {
  SessionDemand demand;
  demand.min_remaining = absl::Seconds(request.min_remaining().seconds()) +
                         absl::Nanoseconds(request.min_remaining().nanos());
  demand.stale_generation = request.stale_generation();
  demand.require_trusted = request.require_trusted();
  demand.cached_only = request.cached_only();
  return demand;
}

Credential DraftOf(const v1::CreateCredentialRequest& request) {
  Credential draft;
  draft.kind = static_cast<CredentialKind>(request.kind() - v1::CREDENTIAL_KIND_USER);
  draft.name = request.credential();
  draft.environment = request.environment();
  draft.username = request.username();
  draft.sync_token = request.sync_token();
  draft.dev_key = SecretString::CopyOf(request.dev_key());
  draft.password = SecretString::CopyOf(request.password());
  draft.console_api_token = SecretString::CopyOf(request.console_api_token());
  draft.app_key = SecretString::CopyOf(request.app_key());
  draft.remember_me_id = SecretString::CopyOf(request.remember_me_id());
  draft.device = request.device();
  draft.organizations = OrganizationsOf(request.organizations());
  return draft;
}

CredentialChange ChangeOf(const v1::RotateCredentialRequest& request) {
  CredentialChange change;
  if (!request.username().empty()) change.username = request.username();
  if (!request.dev_key().empty() || request.clear_dev_key()) {
    change.dev_key = SecretString::CopyOf(request.dev_key());
  }
  change.password = CopyIfSet(request.password());
  change.console_api_token = CopyIfSet(request.console_api_token());
  change.app_key = CopyIfSet(request.app_key());
  if (!request.remember_me_id().empty() || request.clear_remember_me()) {
    change.remember_me_id = SecretString::CopyOf(request.remember_me_id());
  }
  if (!request.device().empty() || request.clear_remember_me()) change.device = request.device();
  change.organizations = OrganizationsOf(request.organizations());
  return change;
}

std::vector<Organization> OrganizationsOf(
    const google::protobuf::RepeatedPtrField<v1::OrganizationSpec>& specs) {
  std::vector<Organization> organizations;
  organizations.reserve(static_cast<std::size_t>(specs.size()));
  for (const v1::OrganizationSpec& spec : specs) {
    organizations.push_back(
        {spec.organization_id(), SecretString::CopyOf(spec.dev_key()), spec.user_id()});
  }
  return organizations;
}

}  // namespace billbroker
