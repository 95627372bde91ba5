#include "vault/base/json/json_writer.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "vault/base/utf8.h"

namespace billbroker {

JsonWriter& JsonWriter::Object(absl::FunctionRef<void()> members) {
  BeginValue();
  text_.Append("{");
  needs_comma_ = false;
  members();
  text_.Append("}");
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::Array(absl::FunctionRef<void()> elements) {
  BeginValue();
  text_.Append("[");
  needs_comma_ = false;
  elements();
  text_.Append("]");
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::Key(absl::string_view key) {
  String(key);
  text_.Append(":");
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::String(absl::string_view value) {
  BeginValue();
  AppendQuoted(value);
  return *this;
}

JsonWriter& JsonWriter::String(absl::string_view key, absl::string_view value) {
  return Key(key).String(value);
}

JsonWriter& JsonWriter::Uint(absl::string_view key, std::uint64_t value) {
  return Key(key).Literal(absl::StrCat(value));
}

JsonWriter& JsonWriter::Bool(absl::string_view key, bool value) {
  return Key(key).Literal(value ? "true" : "false");
}

JsonWriter& JsonWriter::Time(absl::string_view key, absl::Time value) {
  return String(key, absl::FormatTime(absl::RFC3339_full, value, absl::UTCTimeZone()));
}

void JsonWriter::BeginValue() {
  if (needs_comma_) text_.Append(",");
  needs_comma_ = true;
}

JsonWriter& JsonWriter::Literal(absl::string_view text) {
  BeginValue();
  text_.Append(text);
  return *this;
}

void JsonWriter::AppendQuoted(absl::string_view text) {
  text_.Append("\"");
  while (true) {
    const std::size_t plain = PlainPrefix(text);
    text_.Append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    AppendEscape(static_cast<unsigned char>(text.front()));
    text.remove_prefix(1);
  }
  text_.Append("\"");
}

// Returns the number of bytes at the start of `text` that need no escape.
std::size_t JsonWriter::PlainPrefix(absl::string_view text) const {
  std::size_t size = 0;
  while (size < text.size()) {
    const auto byte = static_cast<unsigned char>(text[size]);
    if (byte < 0x20 || byte == '"' || byte == '\\') break;
    const std::size_t length =
        escaping_ == Escaping::kUtf8 ? Utf8CharacterLength(text.substr(size)) : 1;
    if (length == 0) break;
    size += length;
  }
  return size;
}

void JsonWriter::AppendEscape(unsigned char byte) {
  if (escaping_ == Escaping::kExact && byte >= 0x20) {
    const std::array<char, 2> escape = {'\\', static_cast<char>(byte)};
    text_.Append({escape.data(), escape.size()});
    return;
  }
  constexpr char kDigits[] = "0123456789abcdef";
  const std::array<char, 6> escape = {'\\', 'u', '0', '0', kDigits[byte >> 4], kDigits[byte & 15]};
  text_.Append({escape.data(), escape.size()});
}

}  // namespace billbroker
