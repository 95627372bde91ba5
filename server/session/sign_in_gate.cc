#include "server/session/sign_in_gate.h"

#include <algorithm>
#include <utility>

namespace billbroker {
namespace {

constexpr absl::Duration kWindow = absl::Hours(1);

}  // namespace

SignInGate::User& SignInGate::UserOf(absl::string_view name, absl::Duration now) {
  User& user = users_[name];
  for (std::deque<absl::Duration>* times : {&user.failures, &user.unclear}) {
    while (!times->empty() && times->front() + kWindow <= now) times->pop_front();
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
  User& user = UserOf(name, now);
  const Answer answer = Judge(user, secret_id);
  if (answer == Answer::kGo) ++user.under_way;
  return answer;
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
  return std::max(times.front() + kWindow - now, absl::Seconds(1));
}

void SignInGate::Enqueue(absl::string_view name, absl::string_view secret_id, std::string waiting) {
  users_[name].waiting.push_back({std::move(waiting), std::string(secret_id)});
}

absl::optional<std::string> SignInGate::Dequeue(absl::string_view name, absl::Duration now) {
  User& user = UserOf(name, now);
  if (user.waiting.empty()) return absl::nullopt;
  if (Judge(user, user.waiting.front().secret_id) == Answer::kWait) return absl::nullopt;
  std::string who = std::move(user.waiting.front().who);
  user.waiting.pop_front();
  return who;
}

std::vector<std::string> SignInGate::DequeueAll(absl::string_view name) {
  std::vector<std::string> all;
  for (Waiting& waiting : users_[name].waiting) all.push_back(std::move(waiting.who));
  users_[name].waiting.clear();
  return all;
}

}  // namespace billbroker
