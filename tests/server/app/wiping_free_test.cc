// Linked with server/app/wiping_free.cc.
#include <fcntl.h>
#include <glib.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace billbroker {
namespace {

// Longer than the bytes that an allocator's free lists overwrite.
constexpr char kPattern[] = "0123456789abcdef the-planted-pattern";
constexpr absl::string_view kPlanted = "the-planted-pattern";

// Returns true if the pattern is in the `size` bytes, at most 128, at an address that may be freed.
// Allocates nothing, because an allocation could reuse that block.
bool IsPlantedAt(std::uintptr_t address, std::size_t size) {
  std::array<char, 128> bytes{};
  const int memory = ::open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  const ssize_t got = ::pread(memory, bytes.data(), size, static_cast<off_t>(address));
  ::close(memory);
  EXPECT_EQ(got, static_cast<ssize_t>(size));
  return absl::StrContains({bytes.data(), size}, kPlanted);
}

std::uintptr_t AddressOf(const void* block) { return reinterpret_cast<std::uintptr_t>(block); }

TEST(WipingFreeTest, WipesMemoryFreedByLibrary) {
  char* text = g_strdup(kPattern);
  const std::uintptr_t address = AddressOf(text);
  ASSERT_TRUE(IsPlantedAt(address, sizeof(kPattern)));
  g_free(text);
  EXPECT_FALSE(IsPlantedAt(address, sizeof(kPattern)));
}

TEST(WipingFreeTest, WipesOldBlockWhenLibraryReallocates) {
  char* text = g_strdup(kPattern);
  const std::uintptr_t address = AddressOf(text);
  text = static_cast<char*>(g_realloc(text, 100'000));
  EXPECT_STREQ(text, kPattern);
  EXPECT_NE(AddressOf(text), address);
  EXPECT_FALSE(IsPlantedAt(address, sizeof(kPattern)));
  g_free(text);
}

// Shrinks a block from 100 bytes to `size`. Expects that the start is kept and that the old
// address holds nothing of the rest.
void ExpectShrinks(std::size_t size) {
  auto* text = static_cast<char*>(std::malloc(100));
  std::memset(text, '.', 100);
  std::memcpy(text, "start", sizeof("start"));
  std::memcpy(text + 100 - sizeof(kPattern), kPattern, sizeof(kPattern));
  const std::uintptr_t address = AddressOf(text);
  text = static_cast<char*>(std::realloc(text, size));
  EXPECT_EQ(absl::string_view(text, 5), "start");
  EXPECT_FALSE(IsPlantedAt(address, 100));
  std::free(text);
}

TEST(WipingFreeTest, WipesTailOfShrunkBlock) {
  ExpectShrinks(60);  // in place
  ExpectShrinks(20);  // to a smaller block
}

TEST(WipingFreeTest, WipesAlignedBlock) {
  void* block = nullptr;
  ASSERT_EQ(::posix_memalign(&block, 256, 512), 0);
  std::memcpy(block, kPattern, sizeof(kPattern));
  const std::uintptr_t address = AddressOf(block);
  std::free(block);
  EXPECT_FALSE(IsPlantedAt(address, sizeof(kPattern)));
}

TEST(WipingFreeTest, BehavesAsTheStandardRequires) {
  errno = ENOTTY;
  std::free(nullptr);
  std::free(std::malloc(300'000));
  EXPECT_EQ(errno, ENOTTY);
  void* block = std::realloc(nullptr, 10);
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(std::realloc(block, SIZE_MAX / 2), nullptr);  // the old block stays valid
  std::memset(block, 1, 10);
  std::free(block);
}

}  // namespace
}  // namespace billbroker
