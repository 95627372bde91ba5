#include "tests/simulator/stop_signal.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "absl/memory/memory.h"

namespace billbroker::billsim {

absl::StatusOr<std::unique_ptr<StopSignal>> StopSignal::Create() {
  const int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event < 0) return absl::ErrnoToStatus(errno, "cannot make an eventfd");
  return absl::WrapUnique(new StopSignal(event));
}

StopSignal::~StopSignal() { close(event_); }

void StopSignal::Raise() { eventfd_write(event_, 1); }

bool StopSignal::Wait(absl::Duration time, int socket) const {
  if (time <= absl::ZeroDuration()) return true;
  // Without POLLIN, because the client may have sent its next call. poll() always reports errors.
  std::array<pollfd, 2> watched = {pollfd{event_, POLLIN, 0}, pollfd{socket, POLLRDHUP, 0}};
  const auto milliseconds = absl::ToInt64Milliseconds(absl::Ceil(time, absl::Milliseconds(1)));
  return poll(watched.data(), watched.size(), static_cast<int>(milliseconds)) == 0;
}

}  // namespace billbroker::billsim
