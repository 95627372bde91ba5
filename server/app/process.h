// What the daemon asks of its own process.
#pragma once

#include <initializer_list>
#include <string>

#include "absl/strings/string_view.h"

namespace billbroker {

// No core dump, no debugger of the same user, files for this user alone, as much locked memory and
// as many descriptors as the limits allow, and no tracing of libraries that would print secrets. To
// be called first, while there is one thread.
void HardenProcess();

// Blocks SIGTERM, SIGINT and SIGHUP in this thread and all that it starts, so that Wait() alone
// gets them; ignores SIGPIPE. To be made before any thread.
class Signals final {
 public:
  Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // The next of the three.
  [[nodiscard]] int Wait();
};

// Changes with each boot of the machine; empty where the kernel does not say.
[[nodiscard]] std::string BootId();

// Tells systemd, such as "READY=1"; does nothing where systemd did not start the process.
void NotifySystemd(absl::string_view state);

}  // namespace billbroker
