// What a test of queued calls holds: the work itself, and gRPC's context of the newest call.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <deque>
#include <memory>
#include <thread>
#include <utility>

#include "vault/base/executor.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Runs work on `threads`, unless it is held. Thread-safe.
class HeldWork final : public Executor {
 public:
  explicit HeldWork(Executor& threads) : threads_(threads) {}

  void Run(Work work) override {
    MutexLock lock(mutex_);
    if (held_) return waiting_.push_back(std::move(work));
    threads_.Run(std::move(work));
  }
  void RunAfter(absl::Duration delay, Work work) override {
    threads_.RunAfter(delay, std::move(work));
  }

  // What comes from now on waits.
  void Hold() {
    MutexLock lock(mutex_);
    held_ = true;
  }
  [[nodiscard]] bool IsOneWaiting() {
    MutexLock lock(mutex_);
    return !waiting_.empty();
  }
  // Returns once something waits; hangs, and so fails, where nothing ever does.
  void AwaitOne() {
    while (!IsOneWaiting()) std::this_thread::yield();
  }
  void LetGo() {
    MutexLock lock(mutex_);
    held_ = false;
    for (Work& work : std::exchange(waiting_, {})) threads_.Run(std::move(work));
  }

 private:
  Executor& threads_;
  Mutex mutex_;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<Work> waiting_ ABSL_GUARDED_BY(mutex_);
};

// Gives out another's contexts, and tells `newest` which the newest call's is.
class SeenContexts final : public grpc::ContextAllocator {
 public:
  using Newest = std::atomic<grpc::CallbackServerContext*>;

  SeenContexts(std::unique_ptr<grpc::ContextAllocator> contexts, Newest& newest)
      : contexts_(std::move(contexts)), newest_(newest) {}

  grpc::CallbackServerContext* NewCallbackServerContext() override {
    grpc::CallbackServerContext* const context = contexts_->NewCallbackServerContext();
    newest_ = context;
    return context;
  }
  void Release(grpc::CallbackServerContext* context) override { contexts_->Release(context); }

 private:
  const std::unique_ptr<grpc::ContextAllocator> contexts_;
  Newest& newest_;
};

}  // namespace billbroker
