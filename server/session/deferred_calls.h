// DeferredCalls: calls that must run after a lock is released.
#pragma once

#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"

namespace billbroker {

// Runs its calls, in order, in its destructor. Declare it before the lock, so that it is destroyed
// after the lock.
class DeferredCalls final {
 public:
  using Call = absl::AnyInvocable<void()>;

  DeferredCalls() = default;
  DeferredCalls(const DeferredCalls&) = delete;
  DeferredCalls& operator=(const DeferredCalls&) = delete;
  ~DeferredCalls() {
    for (Call& call : calls_) call();
  }

  void Add(Call call) { calls_.push_back(std::move(call)); }

 private:
  std::vector<Call> calls_;
};

}  // namespace billbroker
