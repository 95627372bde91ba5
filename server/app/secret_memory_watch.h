// SecretMemoryWatch: warns of memory for secrets that could not be locked.
#pragma once

#include <cstddef>

#include "server/app/log.h"

namespace billbroker {

// Memory for secrets grows region by region, so a limit (RLIMIT_MEMLOCK) that the first region fits
// in may refuse a later one. Event: "secret_memory_unlocked" (warning). Not thread-safe.
class SecretMemoryWatch final {
 public:
  explicit SecretMemoryWatch(JsonLog& log) : log_(log) {}

  // Logs a warning if `unlocked_bytes` is larger than in every call before. Memory that is
  // unlocked, returned and unlocked again is logged once.
  void Look(std::size_t unlocked_bytes);

 private:
  JsonLog& log_;
  std::size_t logged_bytes_ = 0;
};

}  // namespace billbroker
