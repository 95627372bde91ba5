#include "server/credentials/remember_me_expiry.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

constexpr absl::Duration kWarnings[] = {absl::ZeroDuration(), absl::Hours(24), kRememberMeNotice};

}  // namespace

void RememberMeExpiry::Look() {
  absl::flat_hash_map<std::string, absl::Duration> told;  // without removed rememberMeIds
  for (const CredentialInfoPtr& info : parts_.credentials.List()) {
    const absl::optional<absl::Time> end = info->RememberMeEnd();
    if (!end.has_value()) continue;
    const absl::Duration left = *end - parts_.clock.Now();
    const std::string id = absl::StrCat(info->uid, info->RememberMeFingerprint());
    const auto before = told_.find(id);
    absl::Duration at = before == told_.end() ? absl::InfiniteDuration() : before->second;
    for (const absl::Duration warning : kWarnings) {
      if (left > warning) continue;
      if (at > warning) {
        parts_.observer.RememberMeExpires(info->name, left);
        at = warning;
      }
      break;
    }
    told.emplace(id, at);
  }
  told_ = std::move(told);
}

}  // namespace billbroker
