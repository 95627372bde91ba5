#include "tests/simulator/elastic_threads.h"

#include <mutex>

namespace billbroker::billsim {

EnqueueResult ElasticThreads::enqueue(std::function<void()> task) {
  {
    MutexLock lock(mutex_);
    tasks_.push_back(std::move(task));
    if (tasks_.size() > idle_ && threads_.size() < most_) threads_.emplace_back([this] { Loop(); });
  }
  wake_.notify_one();
  return EnqueueResult(true);
}

void ElasticThreads::shutdown() {
  std::vector<std::thread> threads;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    threads.swap(threads_);
  }
  wake_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

void ElasticThreads::Loop() {
  std::unique_lock<std::mutex> lock(mutex_.native());
  while (true) {
    if (!tasks_.empty()) {
      std::function<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      task = nullptr;
      lock.lock();
      continue;
    }
    if (stopping_) return;
    ++idle_;
    wake_.wait(lock);
    --idle_;
  }
}

}  // namespace billbroker::billsim
