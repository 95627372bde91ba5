#include "vault/credential_info.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "vault/credential_change.h"
#include "vault/user_name.h"

namespace billbroker {

absl::string_view CredentialInfo::RememberMeFingerprint() const {
  const auto found = fingerprints.find("remember_me_id");
  return found == fingerprints.end() ? absl::string_view() : found->second;
}

absl::optional<absl::Time> CredentialInfo::RememberMeEnd() const {
  if (remember_me_time == absl::InfinitePast()) return absl::nullopt;
  return remember_me_time + kRememberMeLifetime;
}

const std::string& CredentialInfo::DevKeyIdFor(absl::string_view organization_id) const {
  static const std::string& none = *new std::string();
  const auto organization = organizations.find(organization_id);
  if (organization != organizations.end() && !organization->second.empty()) {
    return organization->second;
  }
  const auto own = fingerprints.find("dev_key");
  return own != fingerprints.end() ? own->second : none;
}

CredentialInfoPtr InfoOf(const Credential& credential, const Fingerprinter& fingerprinter) {
  auto info = std::make_shared<CredentialInfo>();
  info->name = credential.name;
  info->uid = credential.uid;
  info->version = credential.version;
  info->environment = credential.environment;
  info->kind = credential.kind;
  info->username = credential.username;
  info->folded_username = FoldUserName(credential.username);
  info->sync_token = credential.sync_token;
  info->device = credential.device;
  info->remember_me_time = credential.remember_me_time;
  const std::pair<const char*, const SecretString*> secrets[] = {
      {"dev_key", &credential.dev_key},
      {"password", &credential.password},
      {"console_api_token", &credential.console_api_token},
      {"app_key", &credential.app_key},
      {"remember_me_id", &credential.remember_me_id}};
  for (const auto& [field, secret] : secrets) {
    if (!secret->empty()) info->fingerprints[field] = fingerprinter.Of(*secret);
  }
  for (const Organization& organization : credential.organizations) {
    info->organizations[organization.id] = fingerprinter.Of(organization.dev_key);
    if (!organization.user_id.empty()) info->user_ids[organization.id] = organization.user_id;
  }
  // A user name that is spelled differently is not another user.
  info->user_secret_id = fingerprinter.Of(
      absl::StrCat(credential.environment, "\n", info->folded_username), credential.UserSecret());
  info->create_time = credential.create_time;
  info->update_time = credential.update_time;
  if (credential.staged.has_value()) {
    const StagedRotation& staged = *credential.staged;
    info->pending = CredentialInfo::Pending{staged.id, staged.organization_id, staged.principal,
                                            ChangedFields(staged.change), staged.time};
  }
  for (const PastChange& past : credential.history) {
    info->history.push_back({past.version, past.kind, past.principal, past.time, past.fields,
                             past.bill_code, past.before.has_value(), past.end_sessions});
    if (past.end_sessions) {
      info->sessions_ended_version = std::max(info->sessions_ended_version, past.version);
    }
  }
  return info;
}

}  // namespace billbroker
