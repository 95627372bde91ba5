#include "server/session/session_slot.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

// A unit separator cannot occur in an environment's name, an id or a fingerprint, nor in a valid
// user name.
constexpr absl::string_view kSeparator = "\x1f";

}  // namespace

SlotKey::SlotKey(absl::string_view credential_uid, absl::string_view organization_id)
    : text_(credential_uid.size() + kSeparator.size() + organization_id.size()) {
  char* at = text_.data();
  for (const absl::string_view part : {credential_uid, kSeparator, organization_id}) {
    at = std::copy(part.begin(), part.end(), at);
  }
}

std::string UserKeyOf(const CredentialInfo& credential) {
  return absl::StrCat(credential.environment, kSeparator,
                      absl::AsciiStrToLower(credential.username));
}

std::string SignInUserKeyOf(const CredentialInfo& credential, absl::string_view organization_id) {
  const auto user_id = credential.user_ids.find(organization_id);
  if (user_id == credential.user_ids.end()) return UserKeyOf(credential);
  return absl::StrCat(UserKeyOf(credential), kSeparator, user_id->second);
}

std::string PartnerKeyOf(const CredentialInfo& credential) {
  if (credential.kind != CredentialKind::kPartner) return "";
  return absl::StrCat("partner", kSeparator, AppKeyKeyOf(credential), kSeparator,
                      UserKeyOf(credential), kSeparator, credential.user_secret_id);
}

std::string AppKeyKeyOf(const CredentialInfo& credential) {
  const auto app_key = credential.fingerprints.find("app_key");
  return absl::StrCat(credential.environment, kSeparator,
                      app_key == credential.fingerprints.end() ? "" : app_key->second);
}

std::string DevKeyKeyOf(const CredentialInfo& credential, absl::string_view organization_id) {
  return absl::StrCat(credential.environment, kSeparator, credential.DevKeyIdFor(organization_id));
}

absl::string_view EnvironmentOf(absl::string_view dev_key_key) {
  return dev_key_key.substr(0, dev_key_key.find(kSeparator));
}

absl::string_view DevKeyIdOf(absl::string_view dev_key_key) {
  return dev_key_key.substr(dev_key_key.find(kSeparator) + 1);
}

}  // namespace billbroker
