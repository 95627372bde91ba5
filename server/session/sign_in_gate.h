// SignInGate: when a sign-in of a BILL user may be sent, so that no account is ever locked by us.
//
// BILL locks a user after about ten failed sign-ins. The gate bounds failures per user to a few an
// hour *before* they happen: what is under way counts as if it failed. A secret that BILL has not
// accepted yet goes one at a time, so that a wrong password of 500 organizations costs one refusal
// and not 500.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"

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

  // Whether an attempt may start now. kGo takes a slot, given back by End().
  [[nodiscard]] Answer Ask(absl::string_view user, absl::string_view secret_id, absl::Duration now);
  void End(absl::string_view user, absl::string_view secret_id, Ending ending, absl::Duration now);

  // After kRefused: how long until the next attempt may start.
  [[nodiscard]] absl::Duration RetryAfter(absl::string_view user, absl::Duration now);

  // After kWait: remembers `waiting` (first come, first served).
  void Enqueue(absl::string_view user, absl::string_view secret_id, std::string waiting);
  // The next that need not wait any longer: ask again for it. Call until it returns nullopt, after
  // each End().
  [[nodiscard]] absl::optional<std::string> Dequeue(absl::string_view user, absl::Duration now);
  // All that wait, whatever the gate says: when none of them can be served (the vault does not
  // answer).
  [[nodiscard]] std::vector<std::string> DequeueAll(absl::string_view user);

 private:
  struct Waiting {
    std::string who;
    std::string secret_id;
  };
  struct User {
    int under_way = 0;
    std::string accepted_secret_id;       // the newest secret that BILL let in
    std::deque<absl::Duration> failures;  // of the past hour, oldest first
    std::deque<absl::Duration> unclear;   // likewise
    std::deque<Waiting> waiting;
  };

  User& UserOf(absl::string_view user, absl::Duration now);
  [[nodiscard]] Answer Judge(const User& user, absl::string_view secret_id) const;
  [[nodiscard]] int MaxUnclear() const { return 2 * max_failures_; }

  int max_failures_;
  absl::flat_hash_map<std::string, User> users_;
};

}  // namespace billbroker
