#include "vault/base/fault_point.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace billbroker {

void FaultPoint(absl::string_view name) {
  const char* wanted = std::getenv("BILLBROKER_FAULT_POINT");
  if (wanted == nullptr) return;
  const std::vector<std::string> parts = absl::StrSplit(wanted, ':');
  if (parts[0] != name) return;
  int hit = 1;
  int signal = SIGKILL;
  if (parts.size() > 1 && !absl::SimpleAtoi(parts[1], &hit)) std::abort();
  if (parts.size() > 2 && !absl::SimpleAtoi(parts[2], &signal)) std::abort();
  static std::atomic<int> hits = 0;  // of the named step
  // Raised in this thread, which must not continue; another thread might receive a signal to the
  // process.
  if (++hits == hit) ::raise(signal);
}

}  // namespace billbroker
