#include "server/bill/json_view.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "server/bill/json_scanner.h"

namespace billbroker {
namespace {

char Unescaped(char c) {
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
  const auto append = [&to](std::uint32_t byte) {
    const char c = static_cast<char>(byte);
    to.Append({&c, 1});
  };
  if (point < 0x80) return append(point);
  if (point < 0x800) {
    append(0xC0 | (point >> 6));
  } else if (point < 0x10000) {
    append(0xE0 | (point >> 12));
    append(0x80 | ((point >> 6) & 0x3F));
  } else {
    append(0xF0 | (point >> 18));
    append(0x80 | ((point >> 12) & 0x3F));
    append(0x80 | ((point >> 6) & 0x3F));
  }
  append(0x80 | (point & 0x3F));
}

}  // namespace

absl::optional<JsonView> JsonView::Parse(absl::string_view text) {
  JsonScanner scanner(text);
  scanner.SkipSpace();
  const std::size_t start = scanner.at();
  if (!scanner.SkipValue(kDeepestNesting)) return absl::nullopt;
  const absl::string_view value = scanner.From(start);
  scanner.SkipSpace();
  if (!scanner.AtEnd()) return absl::nullopt;
  return Of(value);
}

JsonView JsonView::Of(absl::string_view value) {
  switch (value.front()) {
    case '{':
      return {Kind::kObject, value};
    case '[':
      return {Kind::kArray, value};
    case '"':
      return {Kind::kString, value};
    case 't':
    case 'f':
      return {Kind::kBool, value};
    case 'n':
      return {Kind::kNull, value};
    default:
      return {Kind::kNumber, value};
  }
}

bool JsonView::IsTrue() const { return text_ == "true"; }

absl::optional<SecretString> JsonView::Text(std::size_t max_bytes) const {
  if (kind_ != Kind::kString) return absl::nullopt;
  absl::string_view rest = text_.substr(1, text_.size() - 2);
  SecretBuilder text;
  while (!rest.empty()) {
    if (rest.front() != '\\') {
      const std::size_t plain = std::min(rest.find('\\'), rest.size());
      text.Append(rest.substr(0, std::min(plain, max_bytes + 1)));
      rest.remove_prefix(plain);
    } else if (rest[1] != 'u') {
      const char c = Unescaped(rest[1]);
      text.Append({&c, 1});
      rest.remove_prefix(2);
    } else {
      const absl::optional<std::uint32_t> point = TakeCodePoint(rest);
      if (!point.has_value()) return absl::nullopt;
      AppendUtf8(*point, text);
    }
    if (text.size() > max_bytes) return absl::nullopt;
  }
  return std::move(text).Build();
}

absl::optional<JsonView> JsonView::Find(absl::string_view name) const {
  absl::optional<JsonView> found;
  if (kind_ != Kind::kObject) return found;
  JsonScanner scanner(text_.substr(1));
  while (scanner.SkipSpace(), scanner.Peek() == '"') {
    const std::size_t name_start = scanner.at();
    scanner.SkipString();
    const absl::string_view quoted = scanner.From(name_start);
    scanner.SkipSpace();
    scanner.Skip(':');
    scanner.SkipSpace();
    const std::size_t value_start = scanner.at();
    scanner.SkipValue(kDeepestNesting);
    if (quoted.substr(1, quoted.size() - 2) == name) found = Of(scanner.From(value_start));
    scanner.SkipSpace();
    scanner.Skip(',');
  }
  if (found.has_value() && found->kind() == Kind::kNull) return absl::nullopt;
  return found;
}

void JsonView::ForEach(absl::FunctionRef<void(JsonView)> visit) const {
  if (kind_ != Kind::kArray) return;
  JsonScanner scanner(text_.substr(1));
  while (scanner.SkipSpace(), scanner.Peek() != ']') {
    const std::size_t start = scanner.at();
    scanner.SkipValue(kDeepestNesting);
    visit(Of(scanner.From(start)));
    scanner.SkipSpace();
    scanner.Skip(',');
  }
}

}  // namespace billbroker
