#include "vault/base/executor.h"

#include <algorithm>
#include <utility>

#include "vault/base/clock.h"

namespace billbroker {
namespace {

// A suspended machine stops the waiting clock but not CLOCK_BOOTTIME: look again at least this
// often.
constexpr absl::Duration kLongestWait = absl::Seconds(5);

}  // namespace

ThreadExecutor::ThreadExecutor(int threads) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Loop(); });
}

ThreadExecutor::~ThreadExecutor() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadExecutor::Run(Work work) { RunAfter(absl::ZeroDuration(), std::move(work)); }

void ThreadExecutor::RunAfter(absl::Duration delay, Work work) {
  const absl::Duration due = SystemClock().SinceBoot() + std::max(delay, absl::ZeroDuration());
  {
    MutexLock lock(mutex_);
    due_.emplace(due, std::move(work));
  }
  wake_.notify_one();
}

void ThreadExecutor::Loop() {
  const SystemClock clock;
  std::unique_lock<std::mutex> lock(mutex_.native());
  while (true) {
    const absl::Duration now = clock.SinceBoot();
    if (!due_.empty() && due_.begin()->first <= now) {
      Work work = std::move(due_.begin()->second);
      due_.erase(due_.begin());
      lock.unlock();
      work();
      work = nullptr;
      lock.lock();
      continue;
    }
    if (stopping_) return;
    const absl::Duration wait =
        due_.empty() ? kLongestWait : std::min(kLongestWait, due_.begin()->first - now);
    wake_.wait_for(lock, absl::ToChronoNanoseconds(wait));
  }
}

}  // namespace billbroker
