// ElasticThreads: a task queue for httplib with one thread per connection.
//
// httplib occupies a thread for the lifetime of a connection, so idle connections would block a
// fixed pool.
#pragma once

#include <httplib.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "vault/base/mutex.h"

namespace billbroker::billsim {

// bool in Debian 13's httplib, void in Debian 12's.
using EnqueueResult = decltype(std::declval<httplib::TaskQueue&>().enqueue({}));

// Thread-safe. A connection above `most` waits until another ends.
class ElasticThreads final : public httplib::TaskQueue {
 public:
  explicit ElasticThreads(std::size_t most) : most_(most) {}

  EnqueueResult enqueue(std::function<void()> task) override;
  // Runs the queued tasks, then ends the threads.
  void shutdown() override;

 private:
  void Loop() ABSL_NO_THREAD_SAFETY_ANALYSIS;  // waits on the native mutex

  const std::size_t most_;
  Mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
  std::size_t idle_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace billbroker::billsim
