// The joined form of a user and of a devKey's budget, for the scopes of quarantines and version 1
// of the session store: the parts with a unit separator between them.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/session/ids.h"

namespace billbroker {

inline constexpr absl::string_view kJoin = "\x1f";

// Returns the text up to the next separator and removes both from `joined`.
[[nodiscard]] inline std::string TakeJoined(absl::string_view& joined) {
  const std::size_t end = joined.find(kJoin);
  const std::string part(joined.substr(0, end));
  joined.remove_prefix(end == absl::string_view::npos ? joined.size() : end + kJoin.size());
  return part;
}

[[nodiscard]] inline UserId UserIdFromJoined(absl::string_view joined) {
  UserId user;
  user.environment = TakeJoined(joined);
  user.username = TakeJoined(joined);
  user.acting_as = std::string(joined);
  return user;
}

[[nodiscard]] inline std::string Joined(const UserId& user) {
  std::string joined = absl::StrCat(user.environment, kJoin, user.username);
  if (!user.acting_as.empty()) absl::StrAppend(&joined, kJoin, user.acting_as);
  return joined;
}

[[nodiscard]] inline DevKeyBudgetId DevKeyBudgetIdFromJoined(absl::string_view joined) {
  DevKeyBudgetId dev_key;
  dev_key.environment = TakeJoined(joined);
  dev_key.dev_key_id = std::string(joined);
  return dev_key;
}

[[nodiscard]] inline std::string Joined(const DevKeyBudgetId& dev_key) {
  return absl::StrCat(dev_key.environment, kJoin, dev_key.dev_key_id);
}

}  // namespace billbroker
