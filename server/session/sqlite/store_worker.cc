#include "server/session/sqlite/store_worker.h"

#include <cstdlib>
#include <mutex>
#include <utility>

namespace billbroker {

StoreWorker::StoreWorker()
    : shared_(std::make_shared<Shared>()), thread_([shared = shared_] { Loop(*shared); }) {}

StoreWorker::~StoreWorker() {
  bool hangs = false;
  {
    MutexLock lock(shared_->mutex);
    shared_->closing = true;
    hangs = shared_->busy;
  }
  shared_->changed.notify_all();
  hangs ? thread_.detach() : thread_.join();
}

void StoreWorker::Start(absl::AnyInvocable<void()> call) {
  {
    MutexLock lock(shared_->mutex);
    if (shared_->busy) std::abort();
    shared_->call = std::move(call);
    shared_->busy = true;
  }
  shared_->changed.notify_all();
}

bool StoreWorker::Await(absl::Duration longest) {
  std::unique_lock<std::mutex> lock(shared_->mutex.native());
  return shared_->changed.wait_for(lock, absl::ToChronoNanoseconds(longest),
                                   [this]()
                                       ABSL_NO_THREAD_SAFETY_ANALYSIS { return !shared_->busy; });
}

bool StoreWorker::AwaitUnlessStopped() {
  std::unique_lock<std::mutex> lock(shared_->mutex.native());
  shared_->changed.wait(
      lock, [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return !shared_->busy || shared_->stopped; });
  return !shared_->busy;
}

void StoreWorker::Stop() {
  {
    MutexLock lock(shared_->mutex);
    shared_->stopped = true;
  }
  shared_->changed.notify_all();
}

void StoreWorker::Loop(Shared& shared) {
  std::unique_lock<std::mutex> lock(shared.mutex.native());
  while (true) {
    shared.changed.wait(lock, [&shared]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return shared.call != nullptr || shared.closing;
    });
    if (shared.call == nullptr) return;
    {
      absl::AnyInvocable<void()> call = std::exchange(shared.call, nullptr);
      lock.unlock();
      call();
    }
    lock.lock();
    shared.busy = false;
    shared.changed.notify_all();
  }
}

}  // namespace billbroker
