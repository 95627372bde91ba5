// SignInQueue: the candidates that wait for a sign-in, in the order in which they may start.
//
// Proofs go before callers, callers before warm watches, and these before pre-warming; within a
// purpose the order is first come, first served. A caller that received a retry time leaves
// a claim: it keeps the place and counts in estimates, but nobody waits for it.
// Design: docs/adr/0012-login-governor.md.
#pragma once

#include <cstdint>
#include <ext/pb_ds/assoc_container.hpp>
#include <ext/pb_ds/tree_policy.hpp>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "server/session/ids.h"
#include "server/session/sign_in_rule.h"

namespace billbroker {

// Not thread-safe: guarded by SessionManager. All times are Clock::SinceBoot().
class SignInQueue final {
 public:
  using Order = std::pair<SignInPurpose, std::uint64_t>;  // lowest first

  struct Entry {
    CandidateId id;
    SignInCandidate candidate;
    Order order;
    // A minute after the latest retry time that a caller received; in the past if none did.
    absl::Duration promised_until = -absl::InfiniteDuration();
    bool is_claim = false;  // no caller waits; the place is kept until `promised_until`
  };

  // How a walk goes on after a candidate.
  enum class Next { kStop, kNextDevKey, kNextLane, kNextInLane };

  // Adds a candidate at the end of its purpose, or at `place` if that is not 0. A candidate that is
  // queued already keeps its place, unless its purpose is a higher one now; a claim becomes active
  // again in its place.
  void Put(const CandidateId& id, SignInCandidate candidate, std::uint64_t place = 0);
  // Replaces the candidate of an entry and keeps its place. Requires: Find(id) is not null.
  void Update(const CandidateId& id, SignInCandidate candidate);
  // Keeps the place of an entry until `until`, also if no caller waits. An earlier promise that is
  // longer stays. Requires: Find(id) is not null.
  void Promise(const CandidateId& id, absl::Duration until);
  // Turns an entry into a claim until the end of its promise. Requires: Find(id) is not null.
  void MakeClaim(const CandidateId& id);
  // Removes an entry, if there is one.
  void Remove(const CandidateId& id);
  // Returns null if `id` is not queued. Valid until the next change.
  [[nodiscard]] const Entry* Find(const CandidateId& id) const;

  // Visits active entries: devKeys in the order of their first entries, within a devKey the lanes
  // (one per user and principal) in the order of their first entries.
  void Walk(absl::FunctionRef<Next(const Entry&)> visit) const;
  // Removes and returns the ids of the claims that have expired.
  [[nodiscard]] std::vector<CandidateId> TakeExpiredClaims(absl::Duration now);

  // Returns how many entries of the devKey, claims included, come before the entry.
  [[nodiscard]] std::int64_t RankOf(const Entry& entry) const;
  // Returns how many entries of a devKey wait, claims included.
  [[nodiscard]] int CountOn(const DevKeyBudgetId& dev_key) const;
  // Returns how many of them are proofs and callers.
  [[nodiscard]] int CountCallersOn(const DevKeyBudgetId& dev_key) const;

  // Returns the ids of all entries of a user, of a devKey, or of slots and probes that need a
  // partner's session; in no order.
  [[nodiscard]] std::vector<CandidateId> FindOfUser(const UserId& user) const;
  [[nodiscard]] std::vector<CandidateId> FindOnDevKey(const DevKeyBudgetId& dev_key) const;
  [[nodiscard]] std::vector<CandidateId> FindBehind(const PartnerId& partner) const;

  // Returns true if an entry that is not a claim needs the partner's session.
  [[nodiscard]] bool AnyWaitsBehind(const PartnerId& partner) const;

  // Returns how many slots have a place, claims included.
  [[nodiscard]] int CountSlots() const { return slots_; }
  // Returns how many of them are on the devKey.
  [[nodiscard]] int CountSlotsOn(const DevKeyBudgetId& dev_key) const;

  [[nodiscard]] bool empty() const { return entries_.empty(); }

 private:
  using Lane = std::pair<UserId, std::string>;  // user, principal
  using Ranks = __gnu_pbds::tree<Order, __gnu_pbds::null_type, std::less<>, __gnu_pbds::rb_tree_tag,
                                 __gnu_pbds::tree_order_statistics_node_update>;
  struct DevKey {
    std::map<Lane, std::map<Order, CandidateId>> lanes;  // active entries; no lane is empty
    std::set<std::pair<Order, Lane>> heads;              // the first entry of each lane
    Ranks ranks;                                         // all entries
    std::set<CandidateId> all;
    int callers = 0;
    int slots = 0;
  };

  void Link(const Entry& entry);
  void Unlink(const Entry& entry);
  // Changes the lane of an active entry and the heads that depend on it.
  void ChangeLane(const Entry& entry,
                  absl::FunctionRef<void(std::map<Order, CandidateId>&)> change);

  absl::flat_hash_map<CandidateId, Entry> entries_;
  absl::flat_hash_map<DevKeyBudgetId, DevKey> dev_keys_;
  std::set<std::pair<Order, DevKeyBudgetId>> heads_;  // the first active entry of each devKey
  absl::flat_hash_map<UserId, std::set<CandidateId>> by_user_;
  std::map<PartnerId, std::set<CandidateId>> by_partner_;
  std::set<std::pair<absl::Duration, CandidateId>> claims_;
  int slots_ = 0;
  std::uint64_t last_place_ = 0;
};

}  // namespace billbroker
