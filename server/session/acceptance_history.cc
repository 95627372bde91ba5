#include "server/session/acceptance_history.h"

#include <algorithm>
#include <utility>

namespace billbroker {
namespace {

constexpr absl::Duration kRecent = absl::Hours(1);

}  // namespace

SignInHistory AcceptanceHistory::Find(const SignInCandidate& candidate, absl::Duration now) const {
  SignInHistory history;
  const std::string& secret_id = candidate.credential->user_secret_id;
  const std::string& organization_id = candidate.slot.organization_id;
  if (const auto found = accepted_.find(secret_id); found != accepted_.end()) {
    for (const auto* acceptance : {&found->second.newest, &found->second.second}) {
      if (acceptance->first.empty() || acceptance->first == organization_id) continue;
      if (acceptance->second + kRecent > now) history.secret_accepted_elsewhere = true;
    }
  }
  history.dev_key_worked_anywhere = worked_.contains(candidate.dev_key);
  const auto refused = refused_.find({secret_id, candidate.dev_key});
  if (refused != refused_.end()) {
    const auto& [newest, second] = refused->second;
    history.dev_key_refused_elsewhere =
        newest != organization_id || (!second.empty() && second != organization_id);
  }
  return history;
}

void AcceptanceHistory::NoteAccepted(const SignInCandidate& candidate, absl::Duration now) {
  RestoreAccepted(candidate, now);
  refused_.erase({candidate.credential->user_secret_id, candidate.dev_key});
}

void AcceptanceHistory::RestoreAccepted(const SignInCandidate& candidate, absl::Duration ended) {
  Acceptances& acceptances = accepted_[candidate.credential->user_secret_id];
  if (acceptances.newest.first != candidate.slot.organization_id) {
    acceptances.second = std::exchange(acceptances.newest, {candidate.slot.organization_id, ended});
  }
  acceptances.newest.second = std::max(acceptances.newest.second, ended);
  worked_.insert(candidate.dev_key);
}

void AcceptanceHistory::NoteDevKeyRefused(const SignInCandidate& candidate) {
  auto& [newest, second] = refused_[{candidate.credential->user_secret_id, candidate.dev_key}];
  if (newest == candidate.slot.organization_id) return;
  second = std::exchange(newest, candidate.slot.organization_id);
}

}  // namespace billbroker
