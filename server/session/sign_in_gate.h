// SignInGate: when a sign-in of a BILL user may be sent, so that no account is ever locked by us.
//
// BILL locks a user after about ten failed sign-ins. The gate bounds failures per user to a few an
// hour *before* they happen: what is under way counts as if it failed. A secret that BILL has not
// accepted yet goes one at a time, so that a wrong password of 500 organizations costs one refusal
// and not 500.
#pragma once

#include <deque>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace billbroker {

// Not thread-safe: the engine guards it. `user` names a BILL user of an environment, `secret_id` is
// the fingerprint of its secret, `now` is Clock::SinceBoot().
class SignInGate final {
 public:
  explicit SignInGate(int max_failures_per_hour) : max_failures_(max_failures_per_hour) {}

  enum class Answer { kGo, kWait, kRefused };
  enum class Ending {
    kAccepted,
    kFailed,   // BILL judged user name and secret, or may have
    kUnclear,  // the answer was lost, or a gateway's: counts while BILL has not accepted the secret
    kNeutral,  // never sent, or failed for a reason that no lock-out counts
  };

  // Whether an attempt may start now. Take() takes a slot, given back by End(); only where Ask()
  // says kGo.
  [[nodiscard]] Answer Ask(absl::string_view user, absl::string_view secret_id, absl::Duration now);
  void Take(absl::string_view user) { ++users_[user].under_way; }
  void End(absl::string_view user, absl::string_view secret_id, Ending ending, absl::Duration now);

  // After kRefused: how long until the next attempt may start.
  [[nodiscard]] absl::Duration RetryAfter(absl::string_view user, absl::Duration now);

  // What was recorded of an attempt before a restart.
  void Restore(absl::string_view user, Ending ending, absl::Duration ended);

 private:
  struct User {
    int under_way = 0;
    std::string accepted_secret_id;       // the newest secret that BILL let in
    std::deque<absl::Duration> failures;  // of the past hour, oldest first
    std::deque<absl::Duration> unclear;   // likewise
  };

  User& UserOf(absl::string_view user, absl::Duration now);
  [[nodiscard]] Answer Judge(const User& user, absl::string_view secret_id) const;
  [[nodiscard]] int MaxUnclear() const { return 2 * max_failures_; }

  int max_failures_;
  absl::flat_hash_map<std::string, User> users_;
};

}  // namespace billbroker
