// The locked slab that every secret of the process lives in.
//
// Memory comes from regions that are mlock()ed (never swapped), left out of core dumps, and wiped
// when a block is returned. One slab and not one page per secret, because munlock() of one buffer
// would unlock its neighbour on the same page, and RLIMIT_MEMLOCK is often 8 MiB.
//
// This is the one piece of process-wide state in the program: like malloc, it has no owner.
#pragma once

#include <cstddef>

namespace billbroker {

struct SecretArenaStats {
  std::size_t reserved_bytes = 0;  // mapped for secrets
  std::size_t unlocked_bytes = 0;  // of these: mlock() was refused, so they may reach the swap
};

// Returns a block of at least `size` bytes (0 allowed). Thread-safe. Aborts when memory is
// exhausted.
[[nodiscard]] char* AllocateSecret(std::size_t size);

// Wipes and returns a block of AllocateSecret(size). Thread-safe.
void FreeSecret(char* block, std::size_t size);

// Overwrites `size` bytes in a way that no optimiser removes.
void WipeBytes(void* bytes, std::size_t size);

[[nodiscard]] SecretArenaStats GetSecretArenaStats();

}  // namespace billbroker
