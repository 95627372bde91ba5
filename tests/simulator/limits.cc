#include "tests/simulator/limits.h"

namespace billbroker::billsim {
namespace {

std::int64_t HourOf(absl::Time now) { return absl::ToUnixSeconds(now) / 3600; }

}  // namespace

std::deque<absl::Time>& SlidingWindow::Recent(absl::string_view key, absl::Time now) {
  std::deque<absl::Time>& events = events_[key];
  while (!events.empty() && events.front() <= now - window_) events.pop_front();
  return events;
}

int SlidingWindow::Count(absl::string_view key, absl::Time now) {
  return static_cast<int>(Recent(key, now).size());
}

void SlidingWindow::Add(absl::string_view key, absl::Time now) { Recent(key, now).push_back(now); }

absl::Duration SlidingWindow::UntilFree(absl::string_view key, int limit, absl::Time now) {
  const std::deque<absl::Time>& events = Recent(key, now);
  const int over = static_cast<int>(events.size()) - limit;
  if (over < 0) return absl::ZeroDuration();
  if (limit == 0) return window_;
  return events[static_cast<std::size_t>(over)] + window_ - now;
}

int ClockHour::Count(absl::string_view key, absl::Time now) const {
  const auto found = tallies_.find(key);
  return found == tallies_.end() || found->second.hour != HourOf(now) ? 0 : found->second.count;
}

void ClockHour::Add(absl::string_view key, absl::Time now) {
  Tally& tally = tallies_[key];
  if (tally.hour != HourOf(now)) tally = Tally{HourOf(now), 0};
  ++tally.count;
}

absl::Duration ClockHour::UntilNext(absl::Time now) {
  return absl::FromUnixSeconds((HourOf(now) + 1) * 3600) - now;
}

bool Concurrency::Enter(const std::string& key, int limit) {
  int& count = under_way_[key];
  if (count >= limit) {
    if (count == 0) under_way_.erase(key);
    return false;
  }
  ++count;
  return true;
}

void Concurrency::Leave(const std::string& key) {
  const auto found = under_way_.find(key);
  if (--found->second == 0) under_way_.erase(found);
}

}  // namespace billbroker::billsim
