// JSON that holds secrets, read and written without a byte leaving the locked slab.
//
// General JSON libraries keep each token in ordinary heap buffers that nobody can wipe, so the
// stored documents have a reader and a writer of their own. They know what the documents need:
// objects, arrays, strings, booleans and whole numbers.
#pragma once

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "vault/base/secret_string.h"

namespace billbroker {

// Reads one JSON text (RFC 8259) front to back; the caller says what it expects next. Each call
// returns whether the text is that; after one false the reader is of no more use. Hostile input is
// refused, never trusted: nesting is as deep as the caller asks for.
class SecretJsonReader final {
 public:
  // `text` is borrowed.
  explicit SecretJsonReader(absl::string_view text) : rest_(text) {}

  // An object: `member` reads the value of each key and returns whether it liked it. Keys with
  // escapes are refused; ours have none.
  [[nodiscard]] bool Object(absl::FunctionRef<bool(absl::string_view key)> member);
  // An array: `element` reads each element.
  [[nodiscard]] bool Array(absl::FunctionRef<bool()> element);
  [[nodiscard]] bool String(SecretString& value);
  [[nodiscard]] bool Uint(std::uint64_t& value);
  [[nodiscard]] bool Bool(bool& value);
  // Nothing but blanks is left.
  [[nodiscard]] bool AtEnd();

 private:
  void SkipBlanks();
  bool Consume(char wanted);
  bool Sequence(char open, char close, absl::FunctionRef<bool()> entry);
  bool Key(absl::string_view& key);
  bool Escape(SecretBuilder& to);
  bool CodeUnit(std::uint32_t& unit);

  absl::string_view rest_;
};

// Appends `text` as a JSON string, quotes included.
void AppendJsonString(SecretBuilder& to, absl::string_view text);

}  // namespace billbroker
