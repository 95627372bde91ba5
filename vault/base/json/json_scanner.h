// JsonScanner: moves over the tokens of a JSON text (RFC 8259) without interpreting them.
#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"

namespace billbroker {

// Each Skip…() moves past the token in its name and returns true. If the text has another token,
// it returns false. Skip() and SkipWord() then do not move; after the others the position is
// meaningless. Borrows the text.
class JsonScanner final {
 public:
  explicit JsonScanner(absl::string_view text) : text_(text) {}

  [[nodiscard]] bool AtEnd() const { return at_ == text_.size(); }
  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] char Peek() const { return AtEnd() ? '\0' : text_[at_]; }  // NUL at the end
  [[nodiscard]] absl::string_view From(std::size_t start) const {
    return text_.substr(start, at_ - start);
  }

  void SkipSpace();
  bool Skip(char c);
  // Skips a value. `depth` is the number of nested arrays and objects that it may have.
  bool SkipValue(int depth);
  bool SkipString();
  bool SkipWord(absl::string_view word);
  // Skips one or more digits.
  bool SkipDigits();

 private:
  bool SkipObject(int depth);
  bool SkipArray(int depth);
  bool SkipEscape();
  bool SkipNumber();

  absl::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace billbroker
