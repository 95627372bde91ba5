// free() and realloc() of the whole process, its shared libraries included: what is given back is
// wiped. libcurl, OpenSSL, GLib and gRPC keep copies of secrets on the ordinary heap and free them
// as they are. For glibc, whose malloc() stays as it is; docs/memory.md says what this does not
// reach.
#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace {

// Beyond this size memset() goes byte by byte in microcode: about as fast, but counted by callgrind,
// and so by `./dev bench hit`, as an instruction a byte.
constexpr std::size_t kPiece = 2048;

void Wipe(void* block, std::size_t size) {
  char* at = static_cast<char*>(block);
  for (; size > kPiece; at += kPiece, size -= kPiece) explicit_bzero(at, kPiece);
  explicit_bzero(at, size);
}

}  // namespace

extern "C" {

// The free() of glibc that this one stands in front of.
void FreeOfGlibc(void* block) noexcept __asm__("__libc_free");

void free(void* block) noexcept {
  if (block == nullptr) return;
  Wipe(block, malloc_usable_size(block));
  FreeOfGlibc(block);
}

// Not over glibc's, which moves a block that cannot grow where it is, and frees the old one
// unwiped.
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
