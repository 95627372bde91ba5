// StopSignal: ends all waits of a front at once.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace billbroker::billsim {

// Thread-safe.
class StopSignal final {
 public:
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<StopSignal>> Create();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  void Raise();
  // Readable as soon as the signal is raised, for a poll() of one's own.
  [[nodiscard]] int fd() const { return event_; }

  // Blocks for `time` and returns true. Returns false as soon as the signal is raised or the peer
  // of `socket` disconnects.
  [[nodiscard]] bool Wait(absl::Duration time, int socket) const;

 private:
  explicit StopSignal(int event) : event_(event) {}

  const int event_;
};

}  // namespace billbroker::billsim
