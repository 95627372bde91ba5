#include "server/session/waiter_queue.h"

#include <utility>

namespace billbroker {

WaiterQueue::Id WaiterQueue::Add(Waiter waiter) {
  const Id id = ++last_id_;
  if (waiter.demand.cached_only) ++cached_only_;
  if (waiter.force != SignInForce::kNone) ++forced_;
  if (waiter.force == SignInForce::kAdmin) ++forced_by_admin_;
  const absl::Duration gives_up = waiter.gives_up;
  waiters_.emplace_back(id, std::move(waiter));
  const Place place = std::prev(waiters_.end());
  by_id_.emplace(id, place);
  by_gives_up_.emplace(std::make_pair(gives_up, id), place);
  return id;
}

Waiter WaiterQueue::Erase(Place place) {
  Waiter waiter = std::move(place->second);
  if (waiter.demand.cached_only) --cached_only_;
  if (waiter.force != SignInForce::kNone) --forced_;
  if (waiter.force == SignInForce::kAdmin) --forced_by_admin_;
  by_gives_up_.erase({waiter.gives_up, place->first});
  by_id_.erase(place->first);
  waiters_.erase(place);
  return waiter;
}

absl::optional<Waiter> WaiterQueue::Remove(Id id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return absl::nullopt;
  return Erase(found->second);
}

std::list<Waiter> WaiterQueue::TakeAll() {
  std::list<Waiter> all;
  for (Entry& entry : waiters_) all.push_back(std::move(entry.second));
  waiters_.clear();
  by_id_.clear();
  by_gives_up_.clear();
  cached_only_ = forced_ = forced_by_admin_ = 0;
  return all;
}

std::list<Waiter> WaiterQueue::TakeIf(const std::function<bool(const Waiter&)>& unwanted) {
  std::list<Waiter> taken;
  for (Place place = waiters_.begin(); place != waiters_.end();) {
    const Place next = std::next(place);
    if (unwanted(place->second)) taken.push_back(Erase(place));
    place = next;
  }
  return taken;
}

std::list<Waiter> WaiterQueue::TakeGivingUpBefore(absl::Duration start) {
  std::list<Waiter> taken;
  while (!by_gives_up_.empty() && by_gives_up_.begin()->first.first < start) {
    taken.push_back(Erase(by_gives_up_.begin()->second));
  }
  return taken;
}

std::list<Waiter> WaiterQueue::TakeCachedOnly() {
  if (cached_only_ == 0) return {};
  return TakeIf([](const Waiter& waiter) { return waiter.demand.cached_only; });
}

void WaiterQueue::ForEach(const std::function<void(const Waiter&)>& visit) const {
  for (const auto& [id, waiter] : waiters_) visit(waiter);
}

SignInForce WaiterQueue::force() const {
  if (forced_by_admin_ > 0) return SignInForce::kAdmin;
  return forced_ > 0 ? SignInForce::kOperator : SignInForce::kNone;
}

}  // namespace billbroker
