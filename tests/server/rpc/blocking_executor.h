// Control over queued calls: an executor that can hold its work, and gRPC's context of the newest
// call.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <deque>
#include <memory>
#include <utility>

#include "tests/support/await.h"
#include "vault/base/executor.h"
#include "vault/base/mutex.h"

namespace billbroker {

// Runs work on `threads`, unless Hold() was called. Thread-safe.
class BlockingExecutor final : public Executor {
 public:
  explicit BlockingExecutor(Executor& threads) : threads_(threads) {}

  void Run(Work work) override {
    MutexLock lock(mutex_);
    if (held_) return waiting_.push_back(std::move(work));
    threads_.Run(std::move(work));
  }
  void RunAfter(absl::Duration delay, Work work) override {
    threads_.RunAfter(delay, std::move(work));
  }

  // Keeps new work waiting until Release().
  void Hold() {
    MutexLock lock(mutex_);
    held_ = true;
  }
  [[nodiscard]] bool HasWaiting() {
    MutexLock lock(mutex_);
    return !waiting_.empty();
  }
  void AwaitWaiting() {
    Await([this] { return HasWaiting(); }, "work to be queued");
  }
  void Release() {
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

// Passes on the contexts of another allocator and stores the newest one in `newest`.
class ContextRecorder final : public grpc::ContextAllocator {
 public:
  using Newest = std::atomic<grpc::CallbackServerContext*>;

  ContextRecorder(std::unique_ptr<grpc::ContextAllocator> contexts, Newest& newest)
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
