#include "server/app/secret_memory_watch.h"

#include <cstdint>

namespace billbroker {

void SecretMemoryWatch::Look(std::size_t unlocked_bytes) {
  if (unlocked_bytes <= logged_bytes_) return;
  logged_bytes_ = unlocked_bytes;
  log_.Write(
      LogLevel::kWarning, "secret_memory_unlocked",
      {{"unlocked_bytes", std::uint64_t{unlocked_bytes}},
       {"fix", "secrets may reach the swap; raise RLIMIT_MEMLOCK (LimitMEMLOCK= in the unit)"}});
}

}  // namespace billbroker
