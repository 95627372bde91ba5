// LoginGovernor: whose turn it is to sign in, inside what BILL allows.
//
// BILL allows 200 sign-ins per devKey and hour, whoever asks. The governor holds a ledger of them
// for each devKey and a queue of those that want one. Callers that wait go before warm watches, and
// these before pre-warming; within a priority it is first come, first served, and an organization
// has one place however many ask for it.
// Design: docs/adr/0012-login-governor.md.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"

namespace billbroker {

struct GovernorOptions {
  int sign_ins_per_hour = 200;  // what BILL allows a devKey
  double reserve = 0.1;         // of these, kept for callers that wait; 0 to 1
  double share = 1;             // of BILL's limit, where others use the devKeys too; above 0, to 1
  // The same for single devKeys, by fingerprint.
  std::map<std::string, double, std::less<>> shares;
  int max_parallel = 64;              // sign-ins under way
  int max_parallel_per_dev_key = 16;  // of these
};

// Not thread-safe: the engine guards it. All times are Clock::SinceBoot().
class LoginGovernor final {
 public:
  enum class Priority { kCaller, kWarm, kPrewarm };

  // A slot that wants to sign in. Strings are opaque, but for `dev_key_id`, the fingerprint.
  struct Applicant {
    std::string slot;
    std::string organization_id;
    std::string dev_key;  // in its environment
    std::string dev_key_id;
    std::string user;
    std::string secret_id;
    std::string partner = {};  // the session that must be there first; empty: none
  };

  using Order = std::pair<Priority, std::uint64_t>;  // lowest first

  struct Place {
    Applicant applicant;
    Order order;
    absl::Duration turn = -absl::InfiniteDuration();  // as last estimated; callers only
  };

  struct Budget {
    std::string dev_key;
    int limit = 0;
    int used = 0;
    int queued = 0;
    absl::Duration parked_until;  // in the past: not parked
  };

  // Whether this sign-in may start now, apart from budgets (see SignInGate). One that may not holds
  // up those of its user behind it.
  using Gate = absl::FunctionRef<bool(const Applicant& applicant)>;

  explicit LoginGovernor(GovernorOptions options) : options_(std::move(options)) {}

  // Gives the slot a place. One that has a place keeps it, or is moved to the end of a higher
  // priority. `place` 0: at the end, else where it once was.
  void Enqueue(Applicant applicant, Priority priority, std::uint64_t place = 0);
  void Withdraw(absl::string_view slot);
  // The place of a slot; null where it has none. Valid until the next change.
  [[nodiscard]] const Place* Find(absl::string_view slot) const;
  [[nodiscard]] std::vector<std::string> QueuedOf(absl::string_view user) const;
  [[nodiscard]] std::vector<std::string> QueuedOn(absl::string_view dev_key) const;
  [[nodiscard]] std::vector<std::string> QueuedBehind(absl::string_view partner) const;

  // The next whose turn has come. It leaves the queue and holds a slot until End() or Cancel().
  // Call until it returns nullopt.
  [[nodiscard]] absl::optional<Place> Next(absl::Duration now, Gate gate);
  // After Next() returned nullopt: when time alone makes it worth calling again.
  [[nodiscard]] absl::Duration wake_time() const { return wake_time_; }

  // It was sent, and answered or given up: it counts for an hour from now.
  void End(const Applicant& applicant, absl::Duration took, absl::Duration now);
  // It was not sent.
  void Cancel(const Applicant& applicant);
  // One that was sent before a restart and ended at `ended`.
  void Restore(absl::string_view dev_key, absl::string_view dev_key_id, absl::Duration ended);

  // BILL says that the devKey's hour is spent: none of its sign-ins goes before `until`.
  void Park(absl::string_view dev_key, absl::Duration until);
  [[nodiscard]] absl::Duration ParkedUntil(absl::string_view dev_key) const;

  // When the turn of a queued pair of priority kCaller is expected; not before `now`.
  [[nodiscard]] absl::Duration TurnOf(absl::string_view slot, absl::Duration now);

  // Of the devKeys that were used in the past hour, are parked or have a queue; ordered by devKey.
  [[nodiscard]] std::vector<Budget> Budgets(absl::Duration now);

 private:
  struct DevKey {
    int limit = 0;
    int under_way = 0;
    std::deque<absl::Duration> ended;  // of the past hour, oldest first
    absl::Duration parked_until = -absl::InfiniteDuration();
    absl::Duration took;    // the last one
    std::set<Order> queue;  // of all users
    int callers = 0;        // of these
  };
  using Lane = std::map<Order, std::string>;  // places of one user on one devKey -> slot
  struct User {
    absl::flat_hash_map<std::string, Lane> lanes;   // by devKey; none is empty
    std::set<std::pair<Order, std::string>> heads;  // the first of each lane -> devKey
  };

  DevKey& DevKeyOf(absl::string_view dev_key, absl::string_view dev_key_id);
  static void Age(DevKey& dev_key, absl::Duration now);
  // nullopt: it may go now, as far as its devKey is concerned; else when time alone frees it
  // (infinite: another must end first).
  [[nodiscard]] absl::optional<absl::Duration> BlockedUntil(DevKey& dev_key, Priority priority,
                                                            absl::Duration now) const;
  [[nodiscard]] absl::optional<std::string> NextOf(User& user, absl::Duration now, Gate gate);
  [[nodiscard]] static absl::Duration Estimate(const DevKey& dev_key, std::int64_t rank,
                                               absl::Duration now);
  void Insert(Place place);
  Place Remove(absl::string_view slot);
  void ChangeLane(const Place& place, absl::FunctionRef<void(Lane&)> change);

  GovernorOptions options_;
  absl::flat_hash_map<std::string, DevKey> dev_keys_;
  absl::flat_hash_map<std::string, Place> places_;            // by slot
  absl::flat_hash_map<std::string, User> users_;              // with a queue
  std::set<std::pair<Order, std::string>> heads_;             // the first of each user -> user
  absl::flat_hash_set<std::string> organizations_under_way_;  // devKey and organization
  int under_way_ = 0;
  std::uint64_t last_place_ = 0;
  absl::Duration wake_time_ = absl::InfiniteDuration();
};

}  // namespace billbroker
