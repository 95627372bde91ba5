#include "vault/base/secret_arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace billbroker {
namespace {

TEST(SecretArenaTest, FreedBlockIsWiped) {
  char* block = AllocateSecret(100);
  std::memset(block, 'x', 100);
  FreeSecret(block, 100);
  // The slab keeps the block, and uses its first bytes for the list of free blocks.
  EXPECT_EQ(std::count(block + sizeof(void*), block + 100, 'x'), 0);
}

TEST(SecretArenaTest, BlocksDoNotOverlap) {
  std::vector<std::pair<char*, std::size_t>> blocks;
  for (std::size_t size = 0; size < 20'000; size = size * 2 + 1) {
    for (int i = 0; i < 3; ++i) {
      blocks.emplace_back(AllocateSecret(size), size);
      std::memset(blocks.back().first, static_cast<int>(blocks.size()), size);
    }
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto& [block, size] = blocks[i];
    EXPECT_EQ(static_cast<std::size_t>(std::count(block, block + size, static_cast<char>(i + 1))),
              size);
    FreeSecret(block, size);
  }
}

TEST(SecretArenaTest, FreedBlocksAreReused) {
  char* first = AllocateSecret(64);
  FreeSecret(first, 64);
  const std::size_t reserved = GetSecretArenaStats().reserved_bytes;
  for (int i = 0; i < 10'000; ++i) FreeSecret(AllocateSecret(64), 64);
  EXPECT_EQ(GetSecretArenaStats().reserved_bytes, reserved);
}

TEST(SecretArenaTest, LargeBlockIsReturnedToTheSystem) {
  const SecretArenaStats before = GetSecretArenaStats();
  char* block = AllocateSecret(1'000'000);
  EXPECT_GE(GetSecretArenaStats().reserved_bytes, before.reserved_bytes + 1'000'000);
  FreeSecret(block, 1'000'000);
  EXPECT_EQ(GetSecretArenaStats().reserved_bytes, before.reserved_bytes);
  EXPECT_EQ(GetSecretArenaStats().unlocked_bytes, before.unlocked_bytes);
}

TEST(SecretArenaTest, CountsUnlockedBytes) {
  const SecretArenaStats before = GetSecretArenaStats();
  // More than any usual limit on locked memory.
  constexpr std::size_t kBytes = 16 * 1024 * 1024;
  std::vector<char*> blocks(4);
  for (char*& block : blocks) block = AllocateSecret(kBytes);
  EXPECT_LE(GetSecretArenaStats().unlocked_bytes - before.unlocked_bytes, 4 * kBytes);
  for (char* block : blocks) FreeSecret(block, kBytes);
  EXPECT_EQ(GetSecretArenaStats().unlocked_bytes, before.unlocked_bytes);
}

TEST(SecretArenaTest, ThreadsDoNotShareBlocks) {
  std::vector<std::thread> threads(4);
  for (int i = 0; i < 4; ++i) {
    threads[i] = std::thread([i] {
      for (int round = 0; round < 2000; ++round) {
        char* block = AllocateSecret(48);
        std::memset(block, 'a' + i, 48);
        EXPECT_EQ(std::count(block, block + 48, static_cast<char>('a' + i)), 48);
        FreeSecret(block, 48);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace billbroker
