#include "server/session/session_slot.h"

namespace billbroker {

bool SessionSlot::IsOutdated() const {
  const Session& held = *session.get();
  const auto user_id = credential->user_ids.find(organization_id());
  const bool other_user = user_id != credential->user_ids.end() && user_id->second != held.user_id;
  return other_user || held.dev_key_id != credential->DevKeyIdFor(organization_id());
}

UserId ToUserId(const CredentialInfo& credential) {
  return {credential.environment, credential.folded_username, ""};
}

UserId ToUserId(const CredentialInfo& credential, absl::string_view organization_id) {
  UserId user = ToUserId(credential);
  const auto user_id = credential.user_ids.find(organization_id);
  if (user_id != credential.user_ids.end()) user.acting_as = user_id->second;
  return user;
}

DevKeyBudgetId ToDevKeyBudgetId(const CredentialInfo& credential,
                                absl::string_view organization_id) {
  return {credential.environment, credential.DevKeyIdFor(organization_id)};
}

DevKeyBudgetId ToAppKeyBudgetId(const CredentialInfo& credential) {
  const auto app_key = credential.fingerprints.find("app_key");
  return {credential.environment, app_key == credential.fingerprints.end() ? "" : app_key->second};
}

absl::optional<PartnerId> ToPartnerId(const CredentialInfo& credential, ProbeId probe) {
  if (credential.kind != CredentialKind::kPartner) return absl::nullopt;
  return PartnerId{credential.uid, credential.user_secret_id,
                   ToAppKeyBudgetId(credential).dev_key_id, probe};
}

}  // namespace billbroker
