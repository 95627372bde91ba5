#include "vault/base/secret_arena.h"

#include <sodium.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <vector>

#include "vault/base/mutex.h"

namespace billbroker {
namespace {

constexpr std::size_t kSmallestBlock = 32;
constexpr std::size_t kLargestBlock = 8192;  // larger ones get a region of their own
constexpr std::size_t kRegionBytes = 256 * 1024;
constexpr std::size_t kClasses = std::bit_width(kLargestBlock / kSmallestBlock);

// Two classes per power of two would waste less; secrets are short, so it would save little.
std::size_t ClassOf(std::size_t size) {
  const std::size_t block = std::bit_ceil(std::max(size, kSmallestBlock));
  return static_cast<std::size_t>(std::bit_width(block / kSmallestBlock)) - 1;
}

std::size_t RoundToPages(std::size_t size) {
  constexpr std::size_t kPage = 4096;
  return (size + kPage - 1) / kPage * kPage;
}

struct FreeBlock {
  FreeBlock* next;
};

class SecretArena final {
 public:
  char* Allocate(std::size_t size) {
    MutexLock lock(mutex_);
    if (size > kLargestBlock) return MapOwnRegion(RoundToPages(size));
    const std::size_t size_class = ClassOf(size);
    if (free_[size_class] == nullptr) Refill(size_class);
    FreeBlock* block = free_[size_class];
    free_[size_class] = block->next;
    block->next = nullptr;
    return reinterpret_cast<char*>(block);
  }

  void Free(char* block, std::size_t size) {
    WipeBytes(block, size);
    MutexLock lock(mutex_);
    if (size > kLargestBlock) return UnmapRegion(block, RoundToPages(size));
    auto* freed = reinterpret_cast<FreeBlock*>(block);
    freed->next = free_[ClassOf(size)];
    free_[ClassOf(size)] = freed;
  }

  SecretArenaStats Stats() {
    MutexLock lock(mutex_);
    return stats_;
  }

 private:
  // Returns whether it is locked in `locked`.
  char* MapRegion(std::size_t bytes, bool& locked) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    void* region = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (region == MAP_FAILED) std::abort();
    madvise(region, bytes, MADV_DONTDUMP);
    stats_.reserved_bytes += bytes;
    locked = mlock(region, bytes) == 0;
    if (!locked) stats_.unlocked_bytes += bytes;
    return static_cast<char*>(region);
  }

  // Only these are ever unmapped, so only these need to be remembered where they are not locked.
  char* MapOwnRegion(std::size_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    bool locked = false;
    char* region = MapRegion(bytes, locked);
    if (!locked) unlocked_.push_back(region);
    return region;
  }

  void UnmapRegion(char* region, std::size_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    stats_.reserved_bytes -= bytes;
    const auto unlocked = std::find(unlocked_.begin(), unlocked_.end(), region);
    if (unlocked != unlocked_.end()) {
      unlocked_.erase(unlocked);
      stats_.unlocked_bytes -= bytes;
    }
    munmap(region, bytes);
  }

  void Refill(std::size_t size_class) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const std::size_t block_bytes = kSmallestBlock << size_class;
    bool locked = false;
    char* region = MapRegion(kRegionBytes, locked);
    for (std::size_t at = kRegionBytes; at >= block_bytes; at -= block_bytes) {
      auto* block = reinterpret_cast<FreeBlock*>(region + at - block_bytes);
      block->next = free_[size_class];
      free_[size_class] = block;
    }
  }

  Mutex mutex_;
  std::array<FreeBlock*, kClasses> free_ ABSL_GUARDED_BY(mutex_) = {};
  std::vector<char*> unlocked_ ABSL_GUARDED_BY(mutex_);
  SecretArenaStats stats_ ABSL_GUARDED_BY(mutex_);
};

// Never destroyed: secrets of other static objects may outlive any order of destruction.
SecretArena& Arena() {
  static SecretArena& arena = *new SecretArena();
  return arena;
}

}  // namespace

char* AllocateSecret(std::size_t size) { return Arena().Allocate(size); }
void FreeSecret(char* block, std::size_t size) { Arena().Free(block, size); }
void WipeBytes(void* bytes, std::size_t size) { sodium_memzero(bytes, size); }
SecretArenaStats GetSecretArenaStats() { return Arena().Stats(); }

}  // namespace billbroker
