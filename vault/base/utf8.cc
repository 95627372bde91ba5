#include "vault/base/utf8.h"

#include <cstddef>
#include <cstdint>

namespace billbroker {
namespace {

// Bytes behind the first that begin as `lead`; -1 where no sequence begins so.
int TailOf(unsigned char lead) {
  if (lead < 0x80) return 0;
  if (lead >= 0xC2 && lead < 0xE0) return 1;
  if (lead >= 0xE0 && lead < 0xF0) return 2;
  return lead >= 0xF0 && lead < 0xF5 ? 3 : -1;
}

bool IsScalar(std::uint32_t point, int tail) {
  constexpr std::uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
  return point >= kLeast[tail] && point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
}

}  // namespace

bool IsUtf8(absl::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    const int tail = TailOf(lead);
    if (tail < 0) return false;
    std::uint32_t point = tail == 0 ? lead : lead & (0x3Fu >> tail);
    for (int k = 0; k < tail; ++k, ++i) {
      if (i == text.size() || (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return false;
      point = point << 6 | (static_cast<unsigned char>(text[i]) & 0x3F);
    }
    if (!IsScalar(point, tail)) return false;
  }
  return true;
}

}  // namespace billbroker
