#include "vault/keyring/keyring_thread.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace billbroker {

// Lives on the stack of the waiting caller; guarded by mutex_.
struct KeyringThread::Queued {
  enum State { kWaiting, kRunning, kEnded };

  absl::FunctionRef<void(Deadline)> job;
  Deadline deadline;
  State state = kWaiting;
  std::condition_variable changed = {};
};

KeyringThread::KeyringThread() : context_(g_main_context_new()), thread_([this] { Loop(); }) {}

KeyringThread::~KeyringThread() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  g_main_context_wakeup(context_);
  thread_.join();
  g_main_context_unref(context_);
}

bool KeyringThread::Run(Deadline deadline,
                        absl::FunctionRef<void(Deadline)> job) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  Queued queued{job, deadline};
  std::unique_lock<std::mutex> lock(mutex_.native());
  queue_.push_back(&queued);
  return Await(queued, lock);
}

bool KeyringThread::RunNext(Deadline deadline,
                            absl::FunctionRef<void(Deadline)> job) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  Queued queued{job, deadline};
  std::unique_lock<std::mutex> lock(mutex_.native());
  queue_.push_front(&queued);
  return Await(queued, lock);
}

bool KeyringThread::Await(Queued& queued,
                          std::unique_lock<std::mutex>& lock) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  g_main_context_wakeup(context_);
  const bool began =
      queued.changed.wait_for(lock, absl::ToChronoMicroseconds(queued.deadline.Remaining()),
                              [&queued] { return queued.state != Queued::kWaiting; });
  if (!began) {
    queue_.erase(std::find(queue_.begin(), queue_.end(), &queued));
    return false;
  }
  queued.changed.wait(lock, [&queued] { return queued.state == Queued::kEnded; });
  return true;
}

void KeyringThread::Loop() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  g_main_context_push_thread_default(context_);
  std::unique_lock<std::mutex> lock(mutex_.native());
  while (!stopping_ || !queue_.empty()) {
    if (queue_.empty()) {
      lock.unlock();
      g_main_context_iteration(context_, TRUE);  // signals and timers; Run() wakes it up
      lock.lock();
      continue;
    }
    Queued& next = *queue_.front();
    queue_.pop_front();
    next.state = Queued::kRunning;
    next.changed.notify_one();
    lock.unlock();
    next.job(next.deadline);
    lock.lock();
    next.state = Queued::kEnded;
    next.changed.notify_one();
  }
  lock.unlock();
  g_main_context_pop_thread_default(context_);
}

void KeyringThread::RunAfter(absl::Duration delay, std::function<void()> work) {
  using Work = std::function<void()>;
  GSource* timer = g_timeout_source_new(static_cast<guint>(absl::ToInt64Milliseconds(delay)));
  g_source_set_callback(
      timer,
      [](gpointer held) -> gboolean {
        (*static_cast<Work*>(held))();
        return G_SOURCE_REMOVE;
      },
      new Work(std::move(work)), [](gpointer held) { delete static_cast<Work*>(held); });
  g_source_attach(timer, context_);
  g_source_unref(timer);
}

}  // namespace billbroker
