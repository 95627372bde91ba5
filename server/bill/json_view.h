// JsonView: a JSON value (RFC 8259) inside a text that somebody else owns.
//
// Not a general parser's tree, because that copies every string to the ordinary heap, and an answer
// of BILL's holds the sessionId. Nothing is copied here but the one string that is asked for, into
// the locked slab. The text is hostile: it is checked as a whole before anything is read from it.
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

  // The one value that `text` holds; nullopt where it is not JSON, or is nested deeper than
  // kDeepestNesting. Bytes above 0x7f are let pass unchecked.
  [[nodiscard]] static absl::optional<JsonView> Parse(absl::string_view text);

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool IsTrue() const;

  // The number as it stands in the text; empty where this is none.
  [[nodiscard]] absl::string_view Number() const {
    return kind_ == Kind::kNumber ? text_ : absl::string_view();
  }

  // The string without its quotes and escapes; nullopt where this is no string, holds half a
  // surrogate pair, or is longer than `max_bytes`.
  [[nodiscard]] absl::optional<SecretString> Text(std::size_t max_bytes) const;

  // The last member called `name`, escapes in the text's names not being undone; nullopt where
  // there is none, its value is null, or this is no object.
  [[nodiscard]] absl::optional<JsonView> Find(absl::string_view name) const;

  // Visits the elements in order; none where this is no array.
  void ForEach(absl::FunctionRef<void(JsonView)> visit) const;

 private:
  JsonView(Kind kind, absl::string_view text) : kind_(kind), text_(text) {}
  static JsonView Of(absl::string_view value);

  Kind kind_;
  absl::string_view text_;  // from the value's first byte to its last
};

}  // namespace billbroker
