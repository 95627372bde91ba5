#include "vault/base/json/json_reader.h"

#include <bitset>
#include <cstddef>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/types/optional.h"
#include "vault/base/json/json_string.h"

namespace billbroker {
namespace {

// The members that were read: one bit for each row of the table.
using Seen = std::bitset<64>;

// Reads the value of a member.
JsonFault ReadMember(absl::string_view key, std::initializer_list<JsonMember> members, Seen& seen) {
  std::size_t row = 0;
  for (const JsonMember& member : members) {
    if (member.key == key) {
      if (seen[row]) return {JsonFault::kDuplicateMember, member.key};
      seen.set(row);
      if (!member.read()) return {JsonFault::kBadValue, member.key};
      return {};
    }
    ++row;
  }
  return {JsonFault::kUnknownMember, ""};
}

}  // namespace

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

bool JsonReader::Text(std::string& value) {
  SecretString text;
  if (!String(text)) return false;
  value = std::string(text.Reveal());
  return true;
}

bool JsonReader::Time(absl::Time& value) {
  std::string text;
  return Text(text) && absl::ParseTime(absl::RFC3339_full, text, &value, nullptr) &&
         value != absl::InfiniteFuture() && value != absl::InfinitePast();
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

JsonFault ReadObject(JsonReader& json, std::initializer_list<JsonMember> members) {
  JsonFault fault;
  Seen seen;
  int number = 0;
  const bool well_formed = json.Object([&](absl::string_view key) {
    fault = ReadMember(key, members, seen);
    fault.number = ++number;
    return fault.ok();
  });
  if (!fault.ok()) return fault;
  if (!well_formed) return {JsonFault::kMalformed, "", number};
  std::size_t row = 0;
  for (const JsonMember& member : members) {
    if (member.presence == JsonMember::kRequired && !seen[row]) {
      return {JsonFault::kMissingMember, member.key};
    }
    ++row;
  }
  return {};
}

}  // namespace billbroker
