// Settings of the daemon's own process.
#pragma once

#include <initializer_list>
#include <string>

#include "absl/strings/string_view.h"

namespace billbroker {

// Disables core dumps and debuggers of the same user, makes new files private to this user, raises
// the limits of locked memory and descriptors as far as allowed, and disables tracing of libraries
// that would print secrets. Call it first, while there is only one thread.
void HardenProcess();

// Blocks SIGTERM, SIGINT and SIGHUP in this thread and all that it starts, so that only Wait()
// receives them; ignores SIGPIPE. Construct it before any thread.
class Signals final {
 public:
  Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // Blocks until the next of the three signals, and returns it.
  [[nodiscard]] int Wait();
};

// Returns an id that changes with each boot of the machine; empty if the kernel has none.
[[nodiscard]] std::string BootId();

// Notifies systemd of `state`, such as "READY=1"; does nothing if systemd did not start the
// process.
void NotifySystemd(absl::string_view state);

}  // namespace billbroker
