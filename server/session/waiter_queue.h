// WaiterQueue: the callers that wait for a slot's session.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/session/session.h"
#include "server/session/session_demand.h"
#include "server/session/sign_in_rule.h"

namespace billbroker {

// A caller that waits for a check, for the slot's turn, or for the sign-in under way.
struct Waiter {
  SessionDemand demand;
  SignInForce force = SignInForce::kNone;  // Login with `force`: only a new sign-in satisfies it
  absl::AnyInvocable<void(absl::StatusOr<SessionPtr>)> done;
  absl::Duration gives_up = {};  // Clock::SinceBoot()
};

// Ordered by arrival. Joining and leaving are O(log n), counts O(1). An empty queue takes 16 bytes.
// Not thread-safe: guarded by SessionManager.
class WaiterQueue final {
 public:
  using Id = std::uint64_t;

  // Sets the id of the next waiter to one more than `last`. For a queue that takes the place of
  // another one, whose ids may still be in use.
  void ContinueAfter(Id last) { last_id_ = last; }

  // Returns an id for Remove().
  Id Add(Waiter waiter);
  // Removes one waiter that left; nullopt if it was answered already.
  [[nodiscard]] absl::optional<Waiter> Remove(Id id);
  // Removes and returns all waiters, in the order of their arrival.
  [[nodiscard]] std::list<Waiter> TakeAll();
  // Removes and returns the waiters for which `unwanted` returns true, in the order of arrival.
  [[nodiscard]] std::list<Waiter> TakeIf(const std::function<bool(const Waiter&)>& unwanted);
  // Removes and returns the waiters that give up before `start`, in the order of giving up.
  [[nodiscard]] std::list<Waiter> TakeGivingUpBefore(absl::Duration start);
  // Removes and returns the waiters with `cached_only`, in the order of arrival.
  [[nodiscard]] std::list<Waiter> TakeCachedOnly();

  [[nodiscard]] bool empty() const { return contents_ == nullptr; }
  [[nodiscard]] std::size_t size() const { return empty() ? 0 : contents_->by_id.size(); }
  // Returns the waiter that arrived first. Requires: not empty().
  [[nodiscard]] const Waiter& front() const { return contents_->by_id.begin()->second; }
  // Returns how many different principals wait.
  [[nodiscard]] std::size_t CountPrincipals() const {
    return empty() ? 0 : contents_->principals.size();
  }
  // Returns a principal that waits and for which `wanted` returns true; nullopt if there is none.
  [[nodiscard]] absl::optional<std::string> FindPrincipal(
      absl::FunctionRef<bool(const std::string&)> wanted) const;
  // Calls `visit` with each waiter, in the order of arrival.
  void ForEach(const std::function<void(const Waiter&)>& visit) const;
  // Returns the strongest force that a waiter asks for.
  [[nodiscard]] SignInForce force() const;

 private:
  // A later waiter has a higher id.
  struct Contents {
    std::map<Id, Waiter> by_id;
    std::set<std::pair<absl::Duration, Id>> by_gives_up;
    std::map<std::string, std::size_t> principals;  // waiters of each
    std::size_t cached_only = 0;
    std::size_t forced = 0;  // of these by an admin: forced_by_admin
    std::size_t forced_by_admin = 0;
  };

  Waiter Take(std::map<Id, Waiter>::iterator at);
  void FreeIfEmpty();

  // Null if no caller waits, because most slots have a session and no waiter.
  std::unique_ptr<Contents> contents_;
  Id last_id_ = 0;
};

}  // namespace billbroker
