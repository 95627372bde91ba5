// JsonScanner: walks over a JSON text (RFC 8259) without reading meaning into it.
#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"

namespace billbroker {

// Each Skip…() moves past what it names and returns true; where the text has something else it
// returns false, and the place is then without meaning. Borrows the text.
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
  // `depth`: how many arrays and objects deep the value may be, 0 for none.
  bool SkipValue(int depth);
  bool SkipString();

 private:
  bool SkipObject(int depth);
  bool SkipArray(int depth);
  bool SkipEscape();
  bool SkipWord(absl::string_view word);
  bool SkipDigits();
  bool SkipNumber();

  absl::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace billbroker
