// UTF-8 as RFC 3629 defines it: without overlong forms, surrogates and values above U+10FFFF.
#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"

namespace billbroker {

// Returns the length in bytes of the character at the start of `text`; 0 if its bytes are not
// UTF-8. Requires: `text` is not empty.
[[nodiscard]] std::size_t Utf8CharacterLength(absl::string_view text);

// Returns true if the whole text is UTF-8. Protobuf requires it of each string field.
[[nodiscard]] bool IsUtf8(absl::string_view text);

}  // namespace billbroker
