#include "vault/base/json/json_reader.h"

#include <cstddef>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/types/optional.h"
#include "vault/base/json/json_string.h"

namespace billbroker {

bool JsonReader::Consume(char c) {
  scanner_.SkipSpace();
  return scanner_.Skip(c);
}

bool JsonReader::Sequence(char open, char close, absl::FunctionRef<bool()> entry) {
  if (!Consume(open)) return false;
  if (Consume(close)) return true;
  do {
    if (!entry()) return false;
  } while (Consume(','));
  return Consume(close);
}

bool JsonReader::Object(absl::FunctionRef<bool(absl::string_view)> member) {
  return Sequence('{', '}', [&] {
    absl::string_view key;
    if (!StringToken(key) || absl::StrContains(key, '\\') || !Consume(':')) return false;
    return member(key.substr(1, key.size() - 2));
  });
}

bool JsonReader::Array(absl::FunctionRef<bool()> element) { return Sequence('[', ']', element); }

bool JsonReader::StringToken(absl::string_view& token) {
  scanner_.SkipSpace();
  const std::size_t start = scanner_.at();
  if (!scanner_.SkipString()) return false;
  token = scanner_.From(start);
  return true;
}

bool JsonReader::String(SecretString& value) {
  absl::string_view token;
  if (!StringToken(token)) return false;
  absl::optional<SecretString> text = DecodeJsonString(token);
  if (!text.has_value()) return false;
  value = *std::move(text);
  return true;
}

bool JsonReader::Uint(std::uint64_t& value) {
  scanner_.SkipSpace();
  const std::size_t start = scanner_.at();
  if (!scanner_.SkipDigits()) return false;
  const absl::string_view digits = scanner_.From(start);
  if (digits.size() > 1 && digits[0] == '0') return false;
  return absl::SimpleAtoi(digits, &value);  // false for too many digits
}

bool JsonReader::Bool(bool& value) {
  scanner_.SkipSpace();
  value = scanner_.SkipWord("true");
  return value || scanner_.SkipWord("false");
}

bool JsonReader::AtEnd() {
  scanner_.SkipSpace();
  return scanner_.AtEnd();
}

}  // namespace billbroker
