// CircuitBreaker: while BILL is down, no sign-ins are spent on it.
//
// Each environment has a circuit. It is closed at first. Five transient sign-ins in a row open it
// (a failed connection, a lost answer, 5xx and the like; BILL judged none between them), if the
// first is at most 5 minutes ago and they are of at least 3 organizations and 2 users, or of all
// that tried in that time. While it is open, callers are refused, and the owner sends GET
// /v3/health after 1, 2, 4 … 60 s (±20 %). After a good answer, or after 5 minutes without one,
// because the health path alone may be blocked, one sign-in goes out as a trial: each time of
// another organization if one waits. Once BILL judges a sign-in, the circuit is closed.
//
// Checks and keep-alive of live sessions do not depend on it. The circuit decides only: its owner
// sends the health request and reports the answer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "server/session/sign_in_rule.h"
#include "vault/base/random.h"

namespace billbroker {

class CircuitBreaker final : public SignInRule {
 public:
  explicit CircuitBreaker(Random& random) : random_(random) {}

  // Refuses callers and proofs while the circuit is open; other candidates wait. All wait while a
  // trial is under way.
  [[nodiscard]] RuleAnswer Check(const SignInCandidate& candidate, absl::Duration now) override;
  // Returns BILL_UNAVAILABLE with the time of the next health request.
  [[nodiscard]] absl::Status Explain(const SignInCandidate& candidate, absl::Duration now) override;
  void Joined(const SignInCandidate& candidate, absl::Duration now) override;
  void Left(const SignInCandidate& candidate, absl::Duration now) override;
  void Started(const SignInCandidate& candidate, absl::Duration now) override;
  void Released(const SignInCandidate& candidate, absl::Duration now) override;
  void Ended(const SignInCandidate& candidate, const SignInOutcome& outcome,
             absl::Duration now) override;

  [[nodiscard]] bool IsOpen(absl::string_view environment) const;

  // Returns when the next health request of the environment is due, which may be in the past;
  // nullopt if none is: the circuit is closed, a request is under way, or a trial is next.
  [[nodiscard]] absl::optional<absl::Duration> NextLook(absl::string_view environment) const;
  // Returns the earliest of these times over all environments; infinite if there is none.
  [[nodiscard]] absl::Duration NextLook() const;
  // Returns the environments whose health request is due.
  [[nodiscard]] std::vector<std::string> LooksDue(absl::Duration now) const;
  // Receives that the health request is sent, and then whether its answer is good: any answer below
  // HTTP 500. After the second, a candidate may have become free to go.
  void LookStarted(absl::string_view environment, absl::Duration now);
  void LookAnswered(absl::string_view environment, bool good, absl::Duration now);

 private:
  struct Try {
    absl::Duration when;
    std::string organization_id;
    UserId user;
  };

  // The `kMost` different values that were noted last, with the last time of each.
  template <typename Value, std::size_t kMost>
  class Newest final {
   public:
    void Note(const Value& value, absl::Duration now) {
      const auto is_value = [&value](const auto& entry) { return entry.second == value; };
      entries_.erase(std::remove_if(entries_.begin(), entries_.end(), is_value), entries_.end());
      entries_.emplace_back(now, value);
      if (entries_.size() > kMost) entries_.pop_front();
    }
    void ForgetBefore(absl::Duration time) {
      while (!entries_.empty() && entries_.front().first < time) entries_.pop_front();
    }
    // Returns true if `others` has at least kMost values, or all of these.
    [[nodiscard]] bool AreCoveredBy(const absl::flat_hash_set<Value>& others) const {
      return others.size() >= kMost ||
             std::all_of(entries_.begin(), entries_.end(),
                         [&others](const auto& entry) { return others.contains(entry.second); });
    }

   private:
    std::deque<std::pair<absl::Duration, Value>> entries_;  // oldest first
  };

  static constexpr std::size_t kOutageOrganizations = 3;
  static constexpr std::size_t kOutageUsers = 2;

  struct Circuit {
    std::vector<Try> under_way;
    // Of the sign-ins that ended within 5 minutes.
    Newest<std::string, kOutageOrganizations> organizations;
    Newest<UserId, kOutageUsers> users;
    std::deque<Try> transient;  // that ended so within 5 minutes, since BILL last judged one
    absl::flat_hash_map<std::string, int> waiting;  // organization -> candidates

    bool open = false;
    int looks = 0;  // health requests since it opened
    bool looking = false;
    absl::Duration next_look;
    absl::Duration trial_without_look;           // a trial is allowed even without a good answer
    absl::optional<absl::Duration> trial_since;  // a good answer allows one since then
    absl::optional<SlotId> trial;                // under way
    absl::flat_hash_set<std::string> trials_of;  // organizations since it opened
  };

  static void Age(Circuit& circuit, absl::Duration now);
  static void RemoveUnderWay(Circuit& circuit, const SignInCandidate& candidate);
  [[nodiscard]] static bool IsOutage(const Circuit& circuit);
  // Returns the time since which a trial is allowed; nullopt if none is.
  [[nodiscard]] static absl::optional<absl::Duration> TrialSince(const Circuit& circuit,
                                                                 absl::Duration now);
  [[nodiscard]] static bool AnotherWaits(Circuit& circuit, const std::string& organization_id);
  void Open(Circuit& circuit, absl::Duration now);
  void EndTrial(Circuit& circuit, absl::Duration now);
  void PlanLook(Circuit& circuit, absl::Duration now);
  static void Close(Circuit& circuit);

  Random& random_;
  absl::flat_hash_map<std::string, Circuit> circuits_;  // by environment
};

}  // namespace billbroker
