#include "server/session/login_governor.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace billbroker {
namespace {

constexpr absl::Duration kWindow = absl::Hours(1);

std::string SlotOf(const LoginGovernor::Applicant& applicant) {
  return absl::StrCat(applicant.dev_key, "\x1f", applicant.organization_id);
}

}  // namespace

LoginGovernor::DevKey& LoginGovernor::DevKeyOf(absl::string_view dev_key,
                                               absl::string_view dev_key_id) {
  DevKey& found = dev_keys_[dev_key];
  if (found.limit == 0) {
    const auto own = options_.shares.find(dev_key_id);
    const double share = own == options_.shares.end() ? options_.share : own->second;
    found.limit = std::max(static_cast<int>(options_.sign_ins_per_hour * share), 1);
  }
  return found;
}

void LoginGovernor::Age(DevKey& dev_key, absl::Duration now) {
  while (!dev_key.ended.empty() && dev_key.ended.front() + kWindow <= now) {
    dev_key.ended.pop_front();
  }
}

void LoginGovernor::Enqueue(Applicant applicant, Priority priority, std::uint64_t place) {
  const auto found = places_.find(applicant.slot);
  if (found != places_.end()) {
    if (found->second.order.first <= priority) return;
    Remove(applicant.slot);
  }
  last_place_ = std::max(last_place_, place);
  if (place == 0) place = ++last_place_;
  Insert({std::move(applicant), {priority, place}});
}

void LoginGovernor::Withdraw(absl::string_view slot) {
  if (places_.contains(slot)) Remove(slot);
}

const LoginGovernor::Place* LoginGovernor::Find(absl::string_view slot) const {
  const auto found = places_.find(slot);
  return found == places_.end() ? nullptr : &found->second;
}

std::vector<std::string> LoginGovernor::QueuedOf(absl::string_view user) const {
  std::vector<std::string> slots;
  const auto found = users_.find(user);
  if (found == users_.end()) return slots;
  for (const auto& [dev_key, lane] : found->second.lanes) {
    for (const auto& [order, slot] : lane) slots.push_back(slot);
  }
  return slots;
}

std::vector<std::string> LoginGovernor::QueuedOn(absl::string_view dev_key) const {
  std::vector<std::string> slots;
  for (const auto& [slot, place] : places_) {
    if (place.applicant.dev_key == dev_key) slots.push_back(slot);
  }
  return slots;
}

std::vector<std::string> LoginGovernor::QueuedBehind(absl::string_view partner) const {
  std::vector<std::string> slots;
  for (const auto& [slot, place] : places_) {
    if (place.applicant.partner == partner) slots.push_back(slot);
  }
  return slots;
}

void LoginGovernor::ChangeLane(const Place& place, absl::FunctionRef<void(Lane&)> change) {
  const std::string& name = place.applicant.user;
  const std::string& dev_key = place.applicant.dev_key;
  User& user = users_[name];
  if (!user.heads.empty()) heads_.erase({user.heads.begin()->first, name});
  Lane& lane = user.lanes[dev_key];
  if (!lane.empty()) user.heads.erase({lane.begin()->first, dev_key});
  change(lane);
  if (lane.empty()) {
    user.lanes.erase(dev_key);
  } else {
    user.heads.insert({lane.begin()->first, dev_key});
  }
  if (user.heads.empty()) {
    users_.erase(name);
  } else {
    heads_.insert({user.heads.begin()->first, name});
  }
}

void LoginGovernor::Insert(Place place) {
  DevKey& dev_key = DevKeyOf(place.applicant.dev_key, place.applicant.dev_key_id);
  dev_key.queue.insert(place.order);
  if (place.order.first == Priority::kCaller) ++dev_key.callers;
  ChangeLane(place, [&place](Lane& lane) { lane.emplace(place.order, place.applicant.slot); });
  std::string slot = place.applicant.slot;
  places_.emplace(std::move(slot), std::move(place));
}

LoginGovernor::Place LoginGovernor::Remove(absl::string_view slot) {
  const auto found = places_.find(slot);
  Place place = std::move(found->second);
  places_.erase(found);
  if (places_.empty()) places_.clear();  // gives back what a long queue needed
  DevKey& dev_key = DevKeyOf(place.applicant.dev_key, place.applicant.dev_key_id);
  dev_key.queue.erase(place.order);
  if (place.order.first == Priority::kCaller) --dev_key.callers;
  ChangeLane(place, [&place](Lane& lane) { lane.erase(place.order); });
  return place;
}

absl::optional<absl::Duration> LoginGovernor::BlockedUntil(DevKey& dev_key, Priority priority,
                                                           absl::Duration now) const {
  if (now < dev_key.parked_until) return dev_key.parked_until;
  Age(dev_key, now);
  int limit = dev_key.limit;
  int used = static_cast<int>(dev_key.ended.size()) + dev_key.under_way;
  if (priority != Priority::kCaller) {
    limit -= static_cast<int>(std::ceil(limit * options_.reserve));
    used += dev_key.callers;
  }
  if (used >= limit) {
    return dev_key.ended.empty() ? absl::InfiniteDuration() : dev_key.ended.front() + kWindow;
  }
  if (dev_key.under_way >= options_.max_parallel_per_dev_key) return absl::InfiniteDuration();
  return absl::nullopt;
}

absl::optional<LoginGovernor::Place> LoginGovernor::Next(absl::Duration now, Gate gate) {
  wake_time_ = absl::InfiniteDuration();
  if (under_way_ >= options_.max_parallel) return absl::nullopt;
  for (const auto& [order, name] : heads_) {
    const absl::optional<std::string> slot = NextOf(users_.find(name)->second, now, gate);
    if (!slot.has_value()) continue;
    Place place = Remove(*slot);
    ++under_way_;
    ++DevKeyOf(place.applicant.dev_key, place.applicant.dev_key_id).under_way;
    organizations_under_way_.insert(SlotOf(place.applicant));
    return place;
  }
  return absl::nullopt;
}

absl::optional<std::string> LoginGovernor::NextOf(User& user, absl::Duration now, Gate gate) {
  for (const auto& [head, name] : user.heads) {
    DevKey& dev_key = dev_keys_.find(name)->second;
    for (const auto& [order, slot] : user.lanes.find(name)->second) {
      const absl::optional<absl::Duration> blocked = BlockedUntil(dev_key, order.first, now);
      if (blocked.has_value()) {
        wake_time_ = std::min(wake_time_, *blocked);
        break;
      }
      const Applicant& applicant = places_.find(slot)->second.applicant;
      if (!gate(applicant)) return absl::nullopt;
      if (!organizations_under_way_.contains(SlotOf(applicant))) return slot;
    }
  }
  return absl::nullopt;
}

void LoginGovernor::Cancel(const Applicant& applicant) {
  --under_way_;
  --DevKeyOf(applicant.dev_key, applicant.dev_key_id).under_way;
  organizations_under_way_.erase(SlotOf(applicant));
}

void LoginGovernor::End(const Applicant& applicant, absl::Duration took, absl::Duration now) {
  Cancel(applicant);
  DevKey& dev_key = DevKeyOf(applicant.dev_key, applicant.dev_key_id);
  dev_key.took = took;
  dev_key.ended.push_back(now);
}

void LoginGovernor::Restore(absl::string_view dev_key, absl::string_view dev_key_id,
                            absl::Duration ended) {
  std::deque<absl::Duration>& times = DevKeyOf(dev_key, dev_key_id).ended;
  times.insert(std::upper_bound(times.begin(), times.end(), ended), ended);
}

void LoginGovernor::Park(absl::string_view dev_key, absl::Duration until) {
  DevKey& parked = dev_keys_[dev_key];
  parked.parked_until = std::max(parked.parked_until, until);
}

absl::Duration LoginGovernor::ParkedUntil(absl::string_view dev_key) const {
  const auto found = dev_keys_.find(dev_key);
  return found == dev_keys_.end() ? -absl::InfiniteDuration() : found->second.parked_until;
}

// The ledger frees its slots in the order in which their sign-ins ended, and each is spent again at
// once by the first in the queue.
absl::Duration LoginGovernor::Estimate(const DevKey& dev_key, std::int64_t rank,
                                       absl::Duration now) {
  const auto ended = static_cast<std::int64_t>(dev_key.ended.size());
  const std::int64_t spent = ended + dev_key.under_way;
  const std::int64_t behind = rank - std::max<std::int64_t>(dev_key.limit - spent, 0);
  if (behind < 0) return now;
  const std::int64_t slots = std::max<std::int64_t>(spent, dev_key.limit);
  const std::int64_t slot = behind % slots;
  const absl::Duration freed =
      (slot < ended ? dev_key.ended[static_cast<std::size_t>(slot)] : now + dev_key.took) + kWindow;
  return std::max(freed + behind / slots * (kWindow + dev_key.took), now);
}

absl::Duration LoginGovernor::TurnOf(absl::string_view slot, absl::Duration now) {
  Place& place = places_.find(slot)->second;
  DevKey& dev_key = dev_keys_.find(place.applicant.dev_key)->second;
  if (place.turn <= now) {
    Age(dev_key, now);
    const int spent = static_cast<int>(dev_key.ended.size()) + dev_key.under_way;
    if (dev_key.callers <= dev_key.limit - spent) return std::max(now, dev_key.parked_until);
    // The newest caller is the last of its priority: no need to count.
    const auto next = dev_key.queue.upper_bound(place.order);
    const bool last = next == dev_key.queue.end() || next->first != Priority::kCaller;
    const std::int64_t rank =
        last ? dev_key.callers - 1 : std::distance(dev_key.queue.begin(), std::prev(next));
    place.turn = Estimate(dev_key, rank, now);
  }
  return std::max(place.turn, dev_key.parked_until);
}

std::vector<LoginGovernor::Budget> LoginGovernor::Budgets(absl::Duration now) {
  std::vector<Budget> budgets;
  for (auto& [name, dev_key] : dev_keys_) {
    Age(dev_key, now);
    const int used = static_cast<int>(dev_key.ended.size()) + dev_key.under_way;
    const int queued = static_cast<int>(dev_key.queue.size());
    if (used == 0 && queued == 0 && dev_key.parked_until <= now) continue;
    budgets.push_back({name, dev_key.limit, used, queued, dev_key.parked_until});
  }
  std::sort(budgets.begin(), budgets.end(),
            [](const Budget& a, const Budget& b) { return a.dev_key < b.dev_key; });
  return budgets;
}

}  // namespace billbroker
