#include "client/watch_loop.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "vault/base/error.h"

namespace billbroker {
namespace {

// A stream that was complete for this time counts as working, however it ended.
constexpr absl::Duration kWell = absl::Seconds(1);

absl::Status NotComplete() {
  return absl::UnavailableError("the broker has not sent every state yet");
}

}  // namespace

WatchLoop::WatchLoop(const SessionCacheOptions& options, Parts parts)
    : options_(options),
      parts_(std::move(parts)),
      any_(!parts_.table.All().empty()),
      status_(NotComplete()) {
  thread_ = std::thread([this] { Run(); });
}

WatchLoop::~WatchLoop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void WatchLoop::Added() {
  {
    MutexLock lock(mutex_);
    any_ = true;
    added_ = true;
  }
  changed_.notify_all();
}

absl::Status WatchLoop::status() const {
  MutexLock lock(mutex_);
  return status_;
}

void WatchLoop::Told(const WatchedOrganization& which, absl::StatusOr<ClientSession> state) {
  parts_.table.Tell(which, std::move(state));
}

void WatchLoop::Completed() {
  MutexLock lock(mutex_);
  completed_ = true;
  completed_at_ = parts_.clock.SinceBoot();
  status_ = absl::OkStatus();
}

void WatchLoop::Ended(const absl::Status& why) {
  parts_.table.Lose();
  {
    MutexLock lock(mutex_);
    ended_ = true;
    status_ = why;
    const bool well = completed_ && (HasReason(why, Reason::kDraining) ||
                                     parts_.clock.SinceBoot() - completed_at_ >= kWell);
    failures_ = well ? 0 : failures_ + 1;
  }
  changed_.notify_all();
}

void WatchLoop::Run() {
  while (AwaitOrganizations()) {
    if (WatchOnce() == Ending::kEnded) BackOff();
  }
}

bool WatchLoop::AwaitOrganizations() {
  std::unique_lock<std::mutex> lock(mutex_.native());
  changed_.wait(lock, [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return stopping_ || any_; });
  added_ = false;
  completed_ = false;
  ended_ = false;
  return !stopping_;
}

WatchLoop::Ending WatchLoop::WatchOnce() {
  const WatchOptions watch{.organizations = parts_.table.All(),
                           .include_dev_key = options_.include_dev_key,
                           .include_headers = options_.include_headers,
                           .keep_warm = options_.keep_warm,
                           .wait_for_ready = true};
  Ending ending = Ending::kStop;
  {
    const SessionWatch stream(parts_.channel, watch, *this);
    ending = AwaitEnding(watch.organizations.size());
  }
  if (ending == Ending::kAdded) {  // the stream did not fail
    MutexLock lock(mutex_);
    failures_ = 0;
    status_ = NotComplete();
  }
  return ending;
}

WatchLoop::Ending WatchLoop::AwaitEnding(std::size_t watched) {
  std::unique_lock<std::mutex> lock(mutex_.native());
  const auto over = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return stopping_ || ended_; };
  changed_.wait(lock, [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return over() || added_; });
  if (!over()) {
    const absl::Duration collect =
        options_.collect + absl::Milliseconds(static_cast<std::int64_t>(watched));
    changed_.wait_for(lock, absl::ToChronoNanoseconds(collect), over);
  }
  return stopping_ ? Ending::kStop : ended_ ? Ending::kEnded : Ending::kAdded;
}

void WatchLoop::BackOff() {
  std::unique_lock<std::mutex> lock(mutex_.native());
  if (failures_ == 0) return;
  constexpr int kEnoughDoublings = 20;
  const double doubled = std::exp2(std::min(failures_ - 1, kEnoughDoublings));
  const absl::Duration full = std::min(options_.first_backoff * doubled, options_.longest_backoff);
  const absl::Duration wait = full * (0.5 + parts_.random.Uniform() / 2);
  changed_.wait_for(lock, absl::ToChronoNanoseconds(wait),
                    [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return stopping_; });
}

}  // namespace billbroker
