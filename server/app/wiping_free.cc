// free() and realloc() of the whole process, its shared libraries included, that wipe freed memory.
// libcurl, OpenSSL, GLib and gRPC keep copies of secrets on the ordinary heap and free them
// unwiped. They need glibc, whose malloc() stays unchanged; docs/memory.md lists the limits.
#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace {

// Beyond this size memset() writes byte by byte in microcode. That is about as fast, but callgrind,
// and so `./dev bench hit`, counts an instruction for each byte.
constexpr std::size_t kPiece = 2048;

void Wipe(void* block, std::size_t size) {
  char* at = static_cast<char*>(block);
  for (; size > kPiece; at += kPiece, size -= kPiece) explicit_bzero(at, kPiece);
  explicit_bzero(at, size);
}

}  // namespace

extern "C" {

// glibc's free(), which this one replaces.
void FreeOfGlibc(void* block) noexcept __asm__("__libc_free");

void free(void* block) noexcept {
  if (block == nullptr) return;
  Wipe(block, malloc_usable_size(block));
  FreeOfGlibc(block);
}

// Does not call glibc's realloc(), which moves a block that cannot grow in place, and frees the old
// one unwiped.
void* realloc(void* block, std::size_t size) noexcept {
  if (block == nullptr) return malloc(size);
  if (size == 0) {
    free(block);
    return nullptr;
  }
  const std::size_t usable = malloc_usable_size(block);
  const bool fits = size <= usable;
  if (fits && size > usable / 2) {
    Wipe(static_cast<char*>(block) + size, usable - size);
    return block;
  }
  void* moved = malloc(size);
  if (moved == nullptr) return fits ? block : nullptr;
  std::memcpy(moved, block, std::min(size, usable));
  free(block);
  return moved;
}

}  // extern "C"
