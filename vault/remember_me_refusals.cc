#include "vault/remember_me_refusals.h"

#include "absl/strings/string_view.h"

namespace billbroker {
namespace {

std::pair<std::string, std::string> KeyOf(const CredentialInfo& credential) {
  return {credential.uid, std::string(credential.RememberMeFingerprint())};
}

}  // namespace

bool RememberMeRefusals::Note(const CredentialInfo& tried, bool accepted, absl::Time now) {
  if (tried.RememberMeFingerprint().empty()) return false;
  MutexLock lock(mutex_);
  if (!accepted) return refused_.try_emplace(KeyOf(tried), now).second;
  refused_.erase(KeyOf(tried));
  return false;
}

absl::optional<absl::Time> RememberMeRefusals::FindRefusalTime(
    const CredentialInfo& credential) const {
  MutexLock lock(mutex_);
  const auto found = refused_.find(KeyOf(credential));
  if (found == refused_.end()) return absl::nullopt;
  return found->second;
}

}  // namespace billbroker
