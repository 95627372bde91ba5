// ElasticThreads: httplib's task queue with as many threads as there are connections.
//
// httplib gives each connection a thread for as long as it lives, so a fixed pool would let idle
// connections starve the others.
#pragma once

#include <httplib.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "vault/base/mutex.h"

namespace billbroker::billsim {

// Thread-safe. A connection above `most` waits until another ends.
class ElasticThreads final : public httplib::TaskQueue {
 public:
  explicit ElasticThreads(std::size_t most) : most_(most) {}

  void enqueue(std::function<void()> task) override;
  // Runs what is queued, then ends the threads.
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
