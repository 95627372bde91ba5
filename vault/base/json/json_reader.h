// JsonReader: reads JSON (RFC 8259) whose values are secrets.
//
// A general JSON library keeps each token in ordinary heap buffers that nobody can wipe. JsonReader
// borrows the text, and copies a value into the locked slab only.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "vault/base/json/json_scanner.h"
#include "vault/base/secret_string.h"

namespace billbroker {

// Reads one text from front to back. The caller calls the function of the type that it expects
// next. Each function returns false if the text has anything else; the reader must then not be
// used any more. The text may be hostile: it is never nested deeper than the calls of the caller.
class JsonReader final {
 public:
  // `text` is borrowed.
  explicit JsonReader(absl::string_view text) : scanner_(text) {}

  // Reads an object. `member` reads the value of each key, and returns false to reject it. Rejects
  // keys that contain escapes, because no key of a document has any.
  [[nodiscard]] bool Object(absl::FunctionRef<bool(absl::string_view key)> member);
  // Reads an array. `element` reads each element, and returns false to reject it.
  [[nodiscard]] bool Array(absl::FunctionRef<bool()> element);
  // Reads a string. Rejects half a surrogate pair.
  [[nodiscard]] bool String(SecretString& value);
  // Reads a string that is not a secret: the copy is on the ordinary heap.
  [[nodiscard]] bool Text(std::string& value);
  // Reads a string that is a finite time (RFC 3339).
  [[nodiscard]] bool Time(absl::Time& value);
  // Reads a whole number without a sign, a fraction and an exponent.
  [[nodiscard]] bool Uint(std::uint64_t& value);
  [[nodiscard]] bool Bool(bool& value);
  // Returns true if only white space is left.
  [[nodiscard]] bool AtEnd();

 private:
  bool Consume(char c);
  bool Sequence(char open, char close, absl::FunctionRef<bool()> entry);
  bool StringToken(absl::string_view& token);

  JsonScanner scanner_;
};

// A member of an object that ReadObject() reads.
struct JsonMember {
  enum Presence { kRequired, kOptional };

  absl::string_view key;           // a literal
  absl::FunctionRef<bool()> read;  // reads the value, and returns false to reject it
  Presence presence = kRequired;
};

// The first fault of an object.
struct JsonFault {
  enum Kind { kNone, kMalformed, kUnknownMember, kDuplicateMember, kBadValue, kMissingMember };

  Kind kind = kNone;
  absl::string_view key;  // of the duplicate or missing member, or of the bad value
  int number = 0;         // of the member in the text, counted from 1; unless it is missing

  [[nodiscard]] bool ok() const { return kind == kNone; }
};

// Reads an object that has each required member once, each optional member at most once, in any
// order, and no other member. `members` has at most 64. A fault never contains the key of an
// unknown member, because it may be a secret in the wrong place.
[[nodiscard]] JsonFault ReadObject(JsonReader& json, std::initializer_list<JsonMember> members);

}  // namespace billbroker
