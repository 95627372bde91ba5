// OpenCalls: the calls of a random walk that wait for their answer, which it checks.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "server/session/session_manager.h"
#include "tests/server/session/walk/hand_out_checks.h"
#include "tests/server/session/walk/violation.h"

namespace billbroker {

// Not thread-safe.
class OpenCalls final {
 public:
  // Borrows both.
  OpenCalls(HandOutChecks& sessions, Violation& violation)
      : sessions_(sessions), violation_(violation) {}

  // Adds a call about to be made. Returns its number.
  int Add(const SlotId& slot);
  // The call returned `waits`. If it does not wait, it must have been answered.
  void Made(int call, const absl::optional<WaitingCall>& waits);
  // The engine answers the call.
  void Answer(int call, const absl::StatusOr<SessionPtr>& answer);

  // Removes up to `count` of the calls that wait, from the number `at` on, and returns their
  // handles for Cancel(). Each has to be answered by CheckCancelled().
  [[nodiscard]] std::vector<WaitingCall> StartCancel(std::size_t at, std::size_t count);
  void CheckCancelled();

  [[nodiscard]] bool AnyOf(const SlotId& slot) const;
  [[nodiscard]] std::size_t size() const { return open_.size(); }
  // The process ended.
  void Clear() { open_.clear(); }

 private:
  struct Call {
    SlotId slot;
    absl::optional<WaitingCall> handle;
    bool cancelled = false;
  };

  HandOutChecks& sessions_;
  Violation& violation_;
  int last_ = 0;
  std::map<int, Call> open_;
};

}  // namespace billbroker
