#include "server/session/pair.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

// A unit separator cannot occur in an environment's name, an id or a fingerprint, nor in a valid
// user name.
constexpr absl::string_view kSeparator = "\x1f";

}  // namespace

std::string PairKeyOf(absl::string_view credential_uid, absl::string_view organization_id) {
  return absl::StrCat(credential_uid, kSeparator, organization_id);
}

std::string UserKeyOf(const CredentialInfo& credential) {
  return absl::StrCat(credential.environment, kSeparator,
                      absl::AsciiStrToLower(credential.username));
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
