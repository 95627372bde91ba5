// Paging of lists: a page's size, and the opaque token that says where the next one begins.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace billbroker {

// What a request for a page says.
struct PageWish {
  std::size_t size = 0;
  std::string last_key;  // of the page before; empty for the first page
};

// Of the list called `list`; MALFORMED_REQUEST.
[[nodiscard]] absl::StatusOr<PageWish> PageOf(absl::string_view list, int size,
                                              absl::string_view token);

// The entries that a page holds: 1 to 1,000, 100 where `asked` is 0; else MALFORMED_REQUEST.
[[nodiscard]] absl::StatusOr<std::size_t> PageSize(int asked);

// A token of the list called `list` holds the key of the last entry that was sent, so that a page
// is right whatever came or went in between.
[[nodiscard]] std::string PageToken(absl::string_view list, absl::string_view last_key);

// The key that `token` holds; empty for the first page. MALFORMED_REQUEST for what PageToken() did
// not make for this list.
[[nodiscard]] absl::StatusOr<std::string> LastKey(absl::string_view list, absl::string_view token);

}  // namespace billbroker
