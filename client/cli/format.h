// The formats of values in the output of the command line.
#pragma once

#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "billbroker/v1/credential.pb.h"

namespace billbroker {

// Returns `text` with control characters as '?', because names and messages come from elsewhere and
// must not control a terminal.
[[nodiscard]] std::string Printable(absl::string_view text);

// Returns the number of columns of `text`, one per code point.
[[nodiscard]] std::size_t DisplayWidth(absl::string_view text);

// Returns RFC 3339 in UTC, to the second: "2026-03-01T12:00:00Z".
[[nodiscard]] std::string TimeText(absl::Time time);
[[nodiscard]] std::string TimeText(const google::protobuf::Timestamp& time);

// Returns at most two units for people, rounded down: "34 min", "2 h 5 min", "3 d"; "0 s" for zero
// or less.
[[nodiscard]] std::string LengthText(absl::Duration length);

// Returns a wait rounded up, so that a retry after it is not too early. At least "1 s".
[[nodiscard]] std::string WaitText(absl::Duration wait);

// Returns "512 KiB", "8 MiB".
[[nodiscard]] std::string BytesText(std::uint64_t bytes);

// Returns an enum's value as a word: ("VAULT_STATE_NO_BUS", "VAULT_STATE_") gives "no_bus".
[[nodiscard]] std::string EnumWord(absl::string_view name, absl::string_view prefix);

// Returns "1 organization", "2 organizations".
[[nodiscard]] std::string Counted(std::int64_t count, absl::string_view noun);

// Returns the kind for "user", "console" or "partner"; CREDENTIAL_KIND_UNSPECIFIED for any other
// text.
[[nodiscard]] v1::CredentialKind KindOf(absl::string_view word);

}  // namespace billbroker
