// The strings of a JSON text (RFC 8259, 7).
#pragma once

#include <cstddef>
#include <limits>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "vault/base/secret_string.h"

namespace billbroker {

// Returns the text of the string `token`, which JsonScanner accepted, with its escapes decoded.
// `token` includes the quotes. Returns nullopt if the token contains half a surrogate pair or its
// text is longer than `max_bytes`. Bytes above 0x7f are copied without a check.
[[nodiscard]] absl::optional<SecretString> DecodeJsonString(
    absl::string_view token, std::size_t max_bytes = std::numeric_limits<std::size_t>::max());

}  // namespace billbroker
