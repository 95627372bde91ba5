// JsonView: a JSON value (RFC 8259) inside a borrowed text.
//
// A general parser copies every string to the ordinary heap, and an answer of BILL's contains the
// sessionId. JsonView copies only the string that Text() returns, into the locked slab. The text
// may be hostile: Parse() checks all of it before anything is read from it.
#pragma once

#include <cstddef>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "vault/base/secret_string.h"

namespace billbroker {

// A value; valid while the text is.
class JsonView final {
 public:
  enum class Kind { kNull, kBool, kNumber, kString, kArray, kObject };

  static constexpr int kDeepestNesting = 32;

  // Returns the value in `text`; nullopt if it is not JSON or is nested deeper than
  // kDeepestNesting. Bytes above 0x7f are not checked.
  [[nodiscard]] static absl::optional<JsonView> Parse(absl::string_view text);

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool IsTrue() const;

  // Returns the number as it is written in the text; empty if this is not a number.
  [[nodiscard]] absl::string_view Number() const {
    return kind_ == Kind::kNumber ? text_ : absl::string_view();
  }

  // Returns the string without its quotes and escapes; nullopt if this is not a string, contains
  // half a surrogate pair, or is longer than `max_bytes`.
  [[nodiscard]] absl::optional<SecretString> Text(std::size_t max_bytes) const;

  // Returns the last member called `name`. Names in the text that contain escapes never match.
  // Returns nullopt if there is no such member, its value is null, or this is not an object.
  [[nodiscard]] absl::optional<JsonView> Find(absl::string_view name) const;

  // Visits the elements in order; visits none if this is not an array.
  void ForEach(absl::FunctionRef<void(JsonView)> visit) const;

 private:
  JsonView(Kind kind, absl::string_view text) : kind_(kind), text_(text) {}
  static JsonView Of(absl::string_view value);

  Kind kind_;
  absl::string_view text_;  // from the value's first byte to its last
};

}  // namespace billbroker
