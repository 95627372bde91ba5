#include "server/session/waiter_queue.h"

#include <utility>

namespace billbroker {

WaiterQueue::Id WaiterQueue::Add(Waiter waiter) {
  if (contents_ == nullptr) contents_ = std::make_unique<Contents>();
  const Id id = ++last_id_;
  if (waiter.demand.cached_only) ++contents_->cached_only;
  if (waiter.force != SignInForce::kNone) ++contents_->forced;
  if (waiter.force == SignInForce::kAdmin) ++contents_->forced_by_admin;
  ++contents_->principals[waiter.demand.principal];
  contents_->by_gives_up.emplace(waiter.gives_up, id);
  contents_->by_id.emplace_hint(contents_->by_id.end(), id, std::move(waiter));
  return id;
}

Waiter WaiterQueue::Take(std::map<Id, Waiter>::iterator at) {
  Waiter waiter = std::move(at->second);
  if (waiter.demand.cached_only) --contents_->cached_only;
  if (waiter.force != SignInForce::kNone) --contents_->forced;
  if (waiter.force == SignInForce::kAdmin) --contents_->forced_by_admin;
  const auto principal = contents_->principals.find(waiter.demand.principal);
  if (--principal->second == 0) contents_->principals.erase(principal);
  contents_->by_gives_up.erase({waiter.gives_up, at->first});
  contents_->by_id.erase(at);
  return waiter;
}

void WaiterQueue::FreeIfEmpty() {
  if (contents_->by_id.empty()) contents_.reset();
}

absl::optional<Waiter> WaiterQueue::Remove(Id id) {
  if (empty()) return absl::nullopt;
  const auto found = contents_->by_id.find(id);
  if (found == contents_->by_id.end()) return absl::nullopt;
  Waiter waiter = Take(found);
  FreeIfEmpty();
  return waiter;
}

std::list<Waiter> WaiterQueue::TakeAll() {
  std::list<Waiter> all;
  if (empty()) return all;
  for (auto& [id, waiter] : contents_->by_id) all.push_back(std::move(waiter));
  contents_.reset();
  return all;
}

std::list<Waiter> WaiterQueue::TakeIf(const std::function<bool(const Waiter&)>& unwanted) {
  std::list<Waiter> taken;
  if (empty()) return taken;
  for (auto at = contents_->by_id.begin(); at != contents_->by_id.end();) {
    const auto next = std::next(at);
    if (unwanted(at->second)) taken.push_back(Take(at));
    at = next;
  }
  FreeIfEmpty();
  return taken;
}

std::list<Waiter> WaiterQueue::TakeGivingUpBefore(absl::Duration start) {
  std::list<Waiter> taken;
  if (empty()) return taken;
  const auto& by_gives_up = contents_->by_gives_up;
  while (!by_gives_up.empty() && by_gives_up.begin()->first < start) {
    taken.push_back(Take(contents_->by_id.find(by_gives_up.begin()->second)));
  }
  FreeIfEmpty();
  return taken;
}

std::list<Waiter> WaiterQueue::TakeCachedOnly() {
  if (empty() || contents_->cached_only == 0) return {};
  return TakeIf([](const Waiter& waiter) { return waiter.demand.cached_only; });
}

absl::optional<std::string> WaiterQueue::FindPrincipal(
    absl::FunctionRef<bool(const std::string&)> wanted) const {
  if (empty()) return absl::nullopt;
  for (const auto& [principal, count] : contents_->principals) {
    if (wanted(principal)) return principal;
  }
  return absl::nullopt;
}

void WaiterQueue::ForEach(const std::function<void(const Waiter&)>& visit) const {
  if (empty()) return;
  for (const auto& [id, waiter] : contents_->by_id) visit(waiter);
}

SignInForce WaiterQueue::force() const {
  if (empty()) return SignInForce::kNone;
  if (contents_->forced_by_admin > 0) return SignInForce::kAdmin;
  return contents_->forced > 0 ? SignInForce::kOperator : SignInForce::kNone;
}

}  // namespace billbroker
