// JsonWriter: writes JSON (RFC 8259) that contains secrets. The text is built in the locked slab.
//
//   JsonWriter json;
//   json.Object([&] {
//     json.String("name", name).Uint("version", 3);
//     json.Key("tags").Array([&] { for (const std::string& tag : tags) json.String(tag); });
//   });
//   SecretString text = std::move(json).Build();
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "vault/base/secret_string.h"

namespace billbroker {

// Writes one value, adds the commas, and escapes strings. Control characters become \u00XX.
class JsonWriter final {
 public:
  enum class Escaping {
    // For texts that JsonReader reads back: a string keeps each of its bytes, also if it is not
    // UTF-8. A stored password may be Latin-1, and its document must not change it.
    kExact,
    // For requests to BILL, which rejects a body that is not UTF-8. Bytes that are not UTF-8 are
    // read as Latin-1, because a terminal without UTF-8 sends them. Quotes and backslashes also
    // become \u00XX.
    kUtf8,
  };

  explicit JsonWriter(Escaping escaping = Escaping::kExact) : escaping_(escaping) {}

  // Writes an object. `members` writes its members.
  JsonWriter& Object(absl::FunctionRef<void()> members);
  // Writes an array. `elements` writes its elements.
  JsonWriter& Array(absl::FunctionRef<void()> elements);
  // Writes the key of a member. The next call writes its value.
  JsonWriter& Key(absl::string_view key);
  JsonWriter& String(absl::string_view value);

  // Writes a member, like the functions below.
  JsonWriter& String(absl::string_view key, absl::string_view value);
  JsonWriter& Uint(absl::string_view key, std::uint64_t value);
  JsonWriter& Bool(absl::string_view key, bool value);
  // Writes the time as a string in UTC (RFC 3339).
  JsonWriter& Time(absl::string_view key, absl::Time value);

  [[nodiscard]] SecretString Build() && { return std::move(text_).Build(); }

 private:
  void BeginValue();
  JsonWriter& Literal(absl::string_view text);
  void AppendQuoted(absl::string_view text);
  [[nodiscard]] std::size_t PlainPrefix(absl::string_view text) const;
  void AppendEscape(unsigned char byte);

  const Escaping escaping_;
  SecretBuilder text_;
  bool needs_comma_ = false;
};

}  // namespace billbroker
