#include "server/session/watch_hub.h"

#include <utility>

namespace billbroker {

// Where the hub keeps a watcher, so that it is found again without a search.
struct WatchHub::Subscription::Place {
  Organization* organization;
  std::size_t index;  // in its watchers
};

WatchHub::Subscription::Subscription(WatchHub& hub, std::weak_ptr<Listener> listener,
                                     std::size_t entries)
    : hub_(hub), listener_(std::move(listener)), marked_(entries, true) {
  places_.reserve(entries);
  for (std::size_t entry = 0; entry < entries; ++entry) {
    queue_.push_back(static_cast<std::uint32_t>(entry));
  }
}

WatchHub::Subscription::~Subscription() { hub_.Unsubscribe(*this); }

absl::optional<std::uint32_t> WatchHub::Subscription::Take() {
  MutexLock lock(mutex_);
  if (queue_.empty()) {
    idle_ = true;
    return absl::nullopt;
  }
  const std::uint32_t entry = queue_.front();
  queue_.pop_front();
  marked_[entry] = false;
  return entry;
}

bool WatchHub::Subscription::Mark(std::uint32_t entry) {
  MutexLock lock(mutex_);
  if (marked_[entry]) return false;
  marked_[entry] = true;
  queue_.push_back(entry);
  return std::exchange(idle_, false);
}

bool WatchHub::Subscription::IsMarked(std::uint32_t entry) {
  MutexLock lock(mutex_);
  return marked_[entry];
}

std::unique_ptr<WatchHub::Subscription> WatchHub::Subscribe(
    const std::vector<std::string>& organization_ids, std::weak_ptr<Listener> listener) {
  std::unique_ptr<Subscription> subscription(
      new Subscription(*this, std::move(listener), organization_ids.size()));
  MutexLock lock(mutex_);
  for (const std::string& id : organization_ids) {
    std::unique_ptr<Organization>& organization = organizations_[id];
    if (organization == nullptr)
      organization = std::make_unique<Organization>(Organization{id, {}});
    const auto entry = static_cast<std::uint32_t>(subscription->places_.size());
    subscription->places_.push_back({organization.get(), organization->watchers.size()});
    organization->watchers.push_back({subscription.get(), entry});
  }
  return subscription;
}

void WatchHub::Unsubscribe(Subscription& subscription) {
  MutexLock lock(mutex_);
  for (const Subscription::Place& place : subscription.places_) {
    std::vector<Watcher>& watchers = place.organization->watchers;
    const Watcher last = watchers.back();
    watchers[place.index] = last;
    last.subscription->places_[last.entry].index = place.index;
    watchers.pop_back();
    if (watchers.empty()) organizations_.erase(std::string(place.organization->id));
  }
}

void WatchHub::SessionChanged(absl::string_view organization_id) {
  std::vector<std::weak_ptr<Listener>> to_tell;
  {
    MutexLock lock(mutex_);
    const auto found = organizations_.find(organization_id);
    if (found == organizations_.end()) return;
    MarkAll(*found->second, to_tell);
  }
  Tell(std::move(to_tell));
}

void WatchHub::EverythingChanged() {
  std::vector<std::weak_ptr<Listener>> to_tell;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, organization] : organizations_) MarkAll(*organization, to_tell);
  }
  Tell(std::move(to_tell));
}

std::size_t WatchHub::watched() const {
  MutexLock lock(mutex_);
  return organizations_.size();
}

WatchHub::Audience WatchHub::AudienceOf(const std::vector<std::string>& organization_ids) const {
  absl::flat_hash_map<const Subscription*, bool> untold;  // whether anything is
  MutexLock lock(mutex_);
  for (const std::string& id : organization_ids) {
    const auto found = organizations_.find(id);
    if (found == organizations_.end()) continue;
    for (const Watcher& watcher : found->second->watchers) {
      untold[watcher.subscription] |= watcher.subscription->IsMarked(watcher.entry);
    }
  }
  Audience audience;
  for (const auto& [subscription, any] : untold) {
    ++audience.watchers;
    if (!any) ++audience.told;
  }
  return audience;
}

void WatchHub::MarkAll(const Organization& organization,
                       std::vector<std::weak_ptr<Listener>>& to_tell) {
  for (const Watcher& watcher : organization.watchers) {
    if (watcher.subscription->Mark(watcher.entry)) {
      to_tell.push_back(watcher.subscription->listener_);
    }
  }
}

void WatchHub::Tell(std::vector<std::weak_ptr<Listener>> listeners) {
  if (listeners.empty()) return;
  // Not on this thread: it may be the one that all of BILL's answers come in on.
  executor_.Run([listeners = std::move(listeners)] {
    for (const std::weak_ptr<Listener>& weak : listeners) {
      if (const std::shared_ptr<Listener> listener = weak.lock()) listener->News();
    }
  });
}

}  // namespace billbroker
