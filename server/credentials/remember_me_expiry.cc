#include "server/credentials/remember_me_expiry.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

constexpr absl::Duration kWarnings[] = {absl::ZeroDuration(), absl::Hours(24), absl::Hours(7 * 24)};

}  // namespace

void RememberMeExpiry::Look() {
  absl::flat_hash_map<std::string, absl::Duration> told;  // of those that are still there
  for (const CredentialInfoPtr& info : parts_.directory.List()) {
    if (info->remember_me_time == absl::InfinitePast()) continue;
    const absl::Duration left = info->remember_me_time + kRememberMeLifetime - parts_.clock.Now();
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
