#include "vault/credential_change.h"

#include <algorithm>
#include <utility>

namespace billbroker {
namespace {

absl::optional<SecretString> CloneOf(const absl::optional<SecretString>& secret) {
  if (!secret.has_value()) return absl::nullopt;
  return secret->Clone();
}

Organization* Find(std::vector<Organization>& organizations, absl::string_view id) {
  const auto found = std::lower_bound(
      organizations.begin(), organizations.end(), id,
      [](const Organization& each, absl::string_view wanted) { return each.id < wanted; });
  return found != organizations.end() && found->id == id ? &*found : nullptr;
}

}  // namespace

CredentialChange CloneOf(const CredentialChange& change) {
  CredentialChange copy;
  copy.username = change.username;
  copy.dev_key = CloneOf(change.dev_key);
  copy.password = CloneOf(change.password);
  copy.console_api_token = CloneOf(change.console_api_token);
  copy.app_key = CloneOf(change.app_key);
  copy.remember_me_id = CloneOf(change.remember_me_id);
  copy.device = change.device;
  copy.remember_me_time = change.remember_me_time;
  for (const Organization& each : change.organizations) {
    copy.organizations.push_back({each.id, each.dev_key.Clone()});
  }
  return copy;
}

bool IsEmpty(const CredentialChange& change) { return ChangedFields(change).empty(); }

void Apply(const CredentialChange& change, Credential& to) {
  if (change.username.has_value()) to.username = *change.username;
  if (change.dev_key.has_value()) to.dev_key = change.dev_key->Clone();
  if (change.password.has_value()) to.password = change.password->Clone();
  if (change.console_api_token.has_value()) {
    to.console_api_token = change.console_api_token->Clone();
  }
  if (change.app_key.has_value()) to.app_key = change.app_key->Clone();
  if (change.remember_me_id.has_value()) {
    to.remember_me_id = change.remember_me_id->Clone();
    to.remember_me_time = change.remember_me_time;
  }
  if (change.device.has_value()) to.device = *change.device;
  for (const Organization& each : change.organizations) {
    Organization* organization = Find(to.organizations, each.id);
    if (organization != nullptr) organization->dev_key = each.dev_key.Clone();
  }
}

bool IsInPlace(const CredentialChange& change, const Credential& credential) {
  const auto has = [](const auto& wanted, const auto& present) {
    return !wanted.has_value() || *wanted == present;
  };
  return has(change.username, credential.username) && has(change.dev_key, credential.dev_key) &&
         has(change.password, credential.password) &&
         has(change.console_api_token, credential.console_api_token) &&
         has(change.app_key, credential.app_key) &&
         has(change.remember_me_id, credential.remember_me_id) &&
         has(change.device, credential.device) &&
         std::all_of(change.organizations.begin(), change.organizations.end(),
                     [&credential](const Organization& each) {
                       const Organization* organization = credential.FindOrganization(each.id);
                       return organization != nullptr && organization->dev_key == each.dev_key;
                     });
}

CredentialChange InverseOf(const CredentialChange& change, const Credential& credential) {
  CredentialChange inverse;
  if (change.username.has_value()) inverse.username = credential.username;
  if (change.dev_key.has_value()) inverse.dev_key = credential.dev_key.Clone();
  if (change.password.has_value()) inverse.password = credential.password.Clone();
  if (change.console_api_token.has_value()) {
    inverse.console_api_token = credential.console_api_token.Clone();
  }
  if (change.app_key.has_value()) inverse.app_key = credential.app_key.Clone();
  if (change.remember_me_id.has_value()) {
    inverse.remember_me_id = credential.remember_me_id.Clone();
    inverse.remember_me_time = credential.remember_me_time;
  }
  if (change.device.has_value()) inverse.device = credential.device;
  for (const Organization& each : change.organizations) {
    const Organization* organization = credential.FindOrganization(each.id);
    if (organization != nullptr) {
      inverse.organizations.push_back({each.id, organization->dev_key.Clone()});
    }
  }
  return inverse;
}

std::vector<std::string> ChangedFields(const CredentialChange& change) {
  const std::pair<const char*, bool> all[] = {
      {"username", change.username.has_value()},
      {"dev_key", change.dev_key.has_value()},
      {"password", change.password.has_value()},
      {"console_api_token", change.console_api_token.has_value()},
      {"app_key", change.app_key.has_value()},
      {"remember_me_id", change.remember_me_id.has_value()},
      {"device", change.device.has_value()},
      {"organizations", !change.organizations.empty()}};
  std::vector<std::string> set;
  for (const auto& [field, is_set] : all) {
    if (is_set) set.emplace_back(field);
  }
  return set;
}

}  // namespace billbroker
