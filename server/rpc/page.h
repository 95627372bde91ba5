// Paging of lists: a page's size, and the opaque token of the next page.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace billbroker {

// The names of the lists.
inline constexpr absl::string_view kSessionList = "sessions";
inline constexpr absl::string_view kCredentialList = "credentials";

// A requested page.
struct PageWish {
  std::size_t size = 0;
  std::string last_key;  // of the page before; empty for the first page
};

// Returns the page that a request for the list called `list` names. Fails with MALFORMED_REQUEST.
[[nodiscard]] absl::StatusOr<PageWish> PageOf(absl::string_view list, int size,
                                              absl::string_view token);

// Returns the number of entries in a page: `asked`, 100 if that is 0, and at most 1,000. Fails with
// MALFORMED_REQUEST if `asked` is negative.
[[nodiscard]] absl::StatusOr<std::size_t> PageSize(int asked);

// Returns the token of the page after `last_key`, the key of the last entry that was sent. Entries
// that come or go in between do not disturb the next page.
[[nodiscard]] std::string PageToken(absl::string_view list, absl::string_view last_key);

// Returns the key in `token`; empty for the first page. Fails with MALFORMED_REQUEST if PageToken()
// did not make the token for this list.
[[nodiscard]] absl::StatusOr<std::string> LastKey(absl::string_view list, absl::string_view token);

}  // namespace billbroker
