// SessionManager::Later: what an engine's function leaves to do until its lock is released. Internal to
// server/session.
#pragma once

#include <utility>
#include <vector>

#include "server/session/session_manager.h"

namespace billbroker {

// Runs its work, in order, when it goes out of scope: declared before the MutexLock, that is after
// the unlock.
class SessionManager::Later final {
 public:
  using Work = absl::AnyInvocable<void()>;

  Later() = default;
  Later(const Later&) = delete;
  Later& operator=(const Later&) = delete;
  ~Later() {
    for (Work& work : work_) work();
  }

  void Add(Work work) { work_.push_back(std::move(work)); }

 private:
  std::vector<Work> work_;
};

}  // namespace billbroker
