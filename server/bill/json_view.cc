#include "server/bill/json_view.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"

namespace billbroker {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Walks over a text. Each Skip… moves past what it names and returns false, the place then being
// without meaning, where the text has something else.
class Scanner final {
 public:
  explicit Scanner(absl::string_view text) : text_(text) {}

  [[nodiscard]] bool AtEnd() const { return at_ == text_.size(); }
  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] char Peek() const { return AtEnd() ? '\0' : text_[at_]; }
  [[nodiscard]] absl::string_view From(std::size_t start) const {
    return text_.substr(start, at_ - start);
  }

  void SkipSpace() {
    while (!AtEnd() && IsSpace(text_[at_])) ++at_;
  }

  bool Skip(char c) {
    if (AtEnd() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool SkipValue(int depth) {
    switch (Peek()) {
      case '{':
        return depth > 0 && SkipObject(depth);
      case '[':
        return depth > 0 && SkipArray(depth);
      case '"':
        return SkipString();
      case 't':
        return SkipWord("true");
      case 'f':
        return SkipWord("false");
      case 'n':
        return SkipWord("null");
      default:
        return SkipNumber();
    }
  }

  bool SkipString() {
    if (!Skip('"')) return false;
    while (!AtEnd()) {
      const char c = text_[at_++];
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c == '\\' && !SkipEscape()) return false;
    }
    return false;
  }

 private:
  bool SkipObject(int depth) {
    Skip('{');
    SkipSpace();
    if (Skip('}')) return true;
    do {
      SkipSpace();
      if (!SkipString()) return false;
      SkipSpace();
      if (!Skip(':')) return false;
      SkipSpace();
      if (!SkipValue(depth - 1)) return false;
      SkipSpace();
    } while (Skip(','));
    return Skip('}');
  }

  bool SkipArray(int depth) {
    Skip('[');
    SkipSpace();
    if (Skip(']')) return true;
    do {
      SkipSpace();
      if (!SkipValue(depth - 1)) return false;
      SkipSpace();
    } while (Skip(','));
    return Skip(']');
  }

  bool SkipEscape() {
    if (AtEnd()) return false;
    const char c = text_[at_++];
    if (c != 'u') return absl::string_view("\"\\/bfnrt").find(c) != absl::string_view::npos;
    for (int i = 0; i < 4; ++i) {
      if (AtEnd() || !absl::ascii_isxdigit(text_[at_++])) return false;
    }
    return true;
  }

  bool SkipWord(absl::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  bool SkipDigits() {
    const std::size_t start = at_;
    while (absl::ascii_isdigit(Peek())) ++at_;
    return at_ > start;
  }

  bool SkipNumber() {
    Skip('-');
    if (!Skip('0') && !SkipDigits()) return false;
    if (Skip('.') && !SkipDigits()) return false;
    if (Skip('e') || Skip('E')) {
      if (!Skip('+')) Skip('-');
      return SkipDigits();
    }
    return true;
  }

  absl::string_view text_;
  std::size_t at_ = 0;
};

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

// Takes the code point of a "\uXXXX" (or of a pair of them) off the front of `text`; nullopt where
// it is half a surrogate pair.
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
  Scanner scanner(text);
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
  Scanner scanner(text_.substr(1));
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
  Scanner scanner(text_.substr(1));
  while (scanner.SkipSpace(), scanner.Peek() != ']') {
    const std::size_t start = scanner.at();
    scanner.SkipValue(kDeepestNesting);
    visit(Of(scanner.From(start)));
    scanner.SkipSpace();
    scanner.Skip(',');
  }
}

}  // namespace billbroker
