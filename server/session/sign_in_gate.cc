#include "server/session/sign_in_gate.h"

#include <algorithm>
#include <utility>

namespace billbroker {
namespace {

constexpr absl::Duration kFailureWindow = absl::Hours(1);

}  // namespace

SignInGate::User& SignInGate::UserOf(absl::string_view name, absl::Duration now) {
  User& user = users_[name];
  for (std::deque<absl::Duration>* times : {&user.failures, &user.unclear}) {
    while (!times->empty() && times->front() + kFailureWindow <= now) times->pop_front();
  }
  return user;
}

SignInGate::Answer SignInGate::Judge(const User& user, absl::string_view secret_id) const {
  const int left = max_failures_ - static_cast<int>(user.failures.size());
  if (left <= 0) return Answer::kRefused;
  const bool accepted = user.accepted_secret_id == secret_id;
  if (!accepted && static_cast<int>(user.unclear.size()) >= MaxUnclear()) return Answer::kRefused;
  const int slots = accepted ? left : 1;
  return user.under_way < slots ? Answer::kGo : Answer::kWait;
}

SignInGate::Answer SignInGate::Ask(absl::string_view name, absl::string_view secret_id,
                                   absl::Duration now) {
  return Judge(UserOf(name, now), secret_id);
}

void SignInGate::End(absl::string_view name, absl::string_view secret_id, Ending ending,
                     absl::Duration now) {
  User& user = UserOf(name, now);
  --user.under_way;
  if (ending == Ending::kAccepted) {
    user.accepted_secret_id = std::string(secret_id);
    user.unclear.clear();
  }
  if (ending == Ending::kUnclear && user.accepted_secret_id != secret_id) {
    user.unclear.push_back(now);
  }
  if (ending == Ending::kFailed) {
    user.failures.push_back(now);
    user.accepted_secret_id.clear();
  }
}

absl::Duration SignInGate::RetryAfter(absl::string_view name, absl::Duration now) {
  const User& user = UserOf(name, now);
  const bool by_failures = static_cast<int>(user.failures.size()) >= max_failures_;
  const std::deque<absl::Duration>& times = by_failures ? user.failures : user.unclear;
  if (times.empty()) return absl::Seconds(1);
  return std::max(times.front() + kFailureWindow - now, absl::Seconds(1));
}

void SignInGate::Restore(absl::string_view name, Ending ending, absl::Duration ended) {
  User& user = users_[name];
  std::deque<absl::Duration>* times = nullptr;
  if (ending == Ending::kFailed) times = &user.failures;
  if (ending == Ending::kUnclear) times = &user.unclear;
  if (times == nullptr) return;
  times->insert(std::upper_bound(times->begin(), times->end(), ended), ended);
}

}  // namespace billbroker
