#include "vault/secret_json.h"

#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace billbroker {
namespace {

bool IsPlain(char c) { return c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20; }

std::size_t PlainPrefix(absl::string_view text) {
  std::size_t size = 0;
  while (size < text.size() && IsPlain(text[size])) ++size;
  return size;
}

void AppendUtf8(SecretBuilder& to, std::uint32_t point) {
  std::array<char, 4> bytes{};
  std::size_t size = 0;
  const auto tail = [&](int shift) {
    bytes[size++] = static_cast<char>(0x80 | ((point >> shift) & 0x3f));
  };
  if (point < 0x80) {
    bytes[size++] = static_cast<char>(point);
  } else if (point < 0x800) {
    bytes[size++] = static_cast<char>(0xc0 | (point >> 6));
  } else if (point < 0x10000) {
    bytes[size++] = static_cast<char>(0xe0 | (point >> 12));
    tail(6);
  } else {
    bytes[size++] = static_cast<char>(0xf0 | (point >> 18));
    tail(12);
    tail(6);
  }
  if (point >= 0x80) tail(0);
  to.Append({bytes.data(), size});
}

}  // namespace

void SecretJsonReader::SkipBlanks() {
  const std::size_t blanks = rest_.find_first_not_of(" \t\r\n");
  rest_.remove_prefix(blanks == absl::string_view::npos ? rest_.size() : blanks);
}

bool SecretJsonReader::Consume(char wanted) {
  SkipBlanks();
  return absl::ConsumePrefix(&rest_, absl::string_view(&wanted, 1));
}

bool SecretJsonReader::Sequence(char open, char close, absl::FunctionRef<bool()> entry) {
  if (!Consume(open)) return false;
  if (Consume(close)) return true;
  do {
    if (!entry()) return false;
  } while (Consume(','));
  return Consume(close);
}

bool SecretJsonReader::Object(absl::FunctionRef<bool(absl::string_view)> member) {
  return Sequence('{', '}', [&] {
    absl::string_view key;
    return Key(key) && Consume(':') && member(key);
  });
}

bool SecretJsonReader::Array(absl::FunctionRef<bool()> element) {
  return Sequence('[', ']', element);
}

bool SecretJsonReader::Key(absl::string_view& key) {
  if (!Consume('"')) return false;
  const std::size_t size = PlainPrefix(rest_);
  key = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return absl::ConsumePrefix(&rest_, "\"");
}

bool SecretJsonReader::String(SecretString& value) {
  if (!Consume('"')) return false;
  SecretBuilder text;
  while (true) {
    const std::size_t size = PlainPrefix(rest_);
    text.Append(rest_.substr(0, size));
    rest_.remove_prefix(size);
    if (absl::ConsumePrefix(&rest_, "\"")) break;
    if (!absl::ConsumePrefix(&rest_, "\\") || !Escape(text)) return false;
  }
  value = std::move(text).Build();
  return true;
}

bool SecretJsonReader::Escape(SecretBuilder& to) {
  if (rest_.empty()) return false;
  const char kind = rest_[0];
  rest_.remove_prefix(1);
  if (kind == 'u') {
    std::uint32_t point = 0;
    if (!CodeUnit(point) || (point >= 0xdc00 && point < 0xe000)) return false;
    if (point >= 0xd800 && point < 0xdc00) {
      std::uint32_t low = 0;
      if (!absl::ConsumePrefix(&rest_, "\\u") || !CodeUnit(low) || low < 0xdc00 || low >= 0xe000) {
        return false;
      }
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    }
    AppendUtf8(to, point);
    return true;
  }
  constexpr absl::string_view kKinds = "\"\\/bfnrt";
  constexpr absl::string_view kMeanings = "\"\\/\b\f\n\r\t";
  const std::size_t at = kKinds.find(kind);
  if (at == absl::string_view::npos) return false;
  to.Append(kMeanings.substr(at, 1));
  return true;
}

bool SecretJsonReader::CodeUnit(std::uint32_t& unit) {
  if (rest_.size() < 4) return false;
  unit = 0;
  for (const char c : rest_.substr(0, 4)) {
    if (!absl::ascii_isxdigit(c)) return false;
    const int digit = absl::ascii_isdigit(c) ? c - '0' : absl::ascii_tolower(c) - 'a' + 10;
    unit = unit * 16 + static_cast<std::uint32_t>(digit);
  }
  rest_.remove_prefix(4);
  return true;
}

bool SecretJsonReader::Uint(std::uint64_t& value) {
  SkipBlanks();
  std::size_t size = 0;
  while (size < rest_.size() && absl::ascii_isdigit(rest_[size])) ++size;
  const absl::string_view digits = rest_.substr(0, size);
  if (digits.size() > 1 && digits[0] == '0') return false;
  rest_.remove_prefix(size);
  return absl::SimpleAtoi(digits, &value);  // false for no digit and for too many
}

bool SecretJsonReader::Bool(bool& value) {
  SkipBlanks();
  value = absl::ConsumePrefix(&rest_, "true");
  return value || absl::ConsumePrefix(&rest_, "false");
}

bool SecretJsonReader::AtEnd() {
  SkipBlanks();
  return rest_.empty();
}

void AppendJsonString(SecretBuilder& to, absl::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  to.Append("\"");
  while (!text.empty()) {
    const std::size_t size = PlainPrefix(text);
    to.Append(text.substr(0, size));
    text.remove_prefix(size);
    if (text.empty()) break;
    const char c = text[0];
    text.remove_prefix(1);
    if (c == '"' || c == '\\') {
      to.Append("\\").Append({&c, 1});
    } else {
      to.Append("\\u00").Append({&kHex[(c >> 4) & 0xf], 1}).Append({&kHex[c & 0xf], 1});
    }
  }
  to.Append("\"");
}

}  // namespace billbroker
