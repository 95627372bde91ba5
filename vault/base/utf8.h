// IsUtf8: what protobuf demands of a string field.
#pragma once

#include "absl/strings/string_view.h"

namespace billbroker {

// True for well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing past U+10FFFF.
[[nodiscard]] bool IsUtf8(absl::string_view text);

}  // namespace billbroker
