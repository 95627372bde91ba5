#include "vault/base/json/json_string.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"

namespace billbroker {
namespace {

char DecodeShortEscape(char c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;
  }
}

std::uint32_t HexValue(absl::string_view digits) {
  std::uint32_t value = 0;
  for (const char c : digits) {
    value = value * 16 + (absl::ascii_isdigit(c) ? c - '0' : absl::ascii_tolower(c) - 'a' + 10);
  }
  return value;
}

// Removes a "\uXXXX" (or a pair of them) from the front of `text` and returns its code point;
// nullopt if it is half a surrogate pair.
absl::optional<std::uint32_t> TakeCodePoint(absl::string_view& text) {
  const std::uint32_t first = HexValue(text.substr(2, 4));
  text.remove_prefix(6);
  if (first < 0xD800 || first > 0xDFFF) return first;
  if (first > 0xDBFF || text.substr(0, 2) != "\\u") return absl::nullopt;
  const std::uint32_t second = HexValue(text.substr(2, 4));
  if (second < 0xDC00 || second > 0xDFFF) return absl::nullopt;
  text.remove_prefix(6);
  return 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
}

void AppendUtf8(std::uint32_t point, SecretBuilder& to) {
  std::array<char, 4> bytes{};
  std::size_t size = 0;
  const auto add = [&](std::uint32_t byte) { bytes[size++] = static_cast<char>(byte); };
  if (point < 0x80) {
    add(point);
  } else if (point < 0x800) {
    add(0xC0 | (point >> 6));
  } else if (point < 0x10000) {
    add(0xE0 | (point >> 12));
    add(0x80 | ((point >> 6) & 0x3F));
  } else {
    add(0xF0 | (point >> 18));
    add(0x80 | ((point >> 12) & 0x3F));
    add(0x80 | ((point >> 6) & 0x3F));
  }
  if (point >= 0x80) add(0x80 | (point & 0x3F));
  to.Append({bytes.data(), size});
}

// Removes the escape at the front of `text` and appends its character to `to`. Returns false for
// half a surrogate pair.
bool TakeEscape(absl::string_view& text, SecretBuilder& to) {
  if (text[1] == 'u') {
    const absl::optional<std::uint32_t> point = TakeCodePoint(text);
    if (point.has_value()) AppendUtf8(*point, to);
    return point.has_value();
  }
  const char c = DecodeShortEscape(text[1]);
  to.Append({&c, 1});
  text.remove_prefix(2);
  return true;
}

}  // namespace

absl::optional<SecretString> DecodeJsonString(absl::string_view token, std::size_t max_bytes) {
  absl::string_view rest = token.substr(1, token.size() - 2);
  SecretBuilder text;
  while (!rest.empty()) {
    const std::size_t plain = std::min(rest.find('\\'), rest.size());
    if (plain > max_bytes - text.size()) return absl::nullopt;
    text.Append(rest.substr(0, plain));
    rest.remove_prefix(plain);
    if (rest.empty()) break;
    if (!TakeEscape(rest, text) || text.size() > max_bytes) return absl::nullopt;
  }
  return std::move(text).Build();
}

}  // namespace billbroker
